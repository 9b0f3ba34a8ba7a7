"""Supervisord's XML-RPC interface on its Unix socket."""

import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport


class Control:
    """Starts, asks and stops the processes of a running supervisord."""

    def __init__(self, socket: Path) -> None:
        """Talk to the supervisord that listens on `socket`."""
        transport = SupervisorTransport(serverurl=f"unix://{socket}")  # type: ignore[no-untyped-call]
        # The address only satisfies the client: the transport goes to the socket.
        self._proxy: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    def start_stage(self, stage: str) -> None:
        """Start all processes of a stage without waiting."""
        self._proxy.supervisor.startProcessGroup(stage, False)

    def stages(self) -> set[str]:
        """Name the stages that are configured."""
        return {info["group"] for info in self.processes()}

    def processes(self) -> list[dict[str, Any]]:
        """List all processes: name, group, pid (0: not running), statename, spawnerr."""
        found: list[dict[str, Any]] = self._proxy.supervisor.getAllProcessInfo()
        return found

    def shutdown(self) -> None:
        """Stop everything, the last stage first."""
        self._proxy.supervisor.shutdown()

    def close(self) -> None:
        """Close the connection."""
        self._proxy("close")()
