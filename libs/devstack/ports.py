"""Taken ports: which process holds them."""

import socket
from pathlib import Path

from libs.devstack.plan import Ports
from libs.service.env import ConfigurationError

LISTENING = "0A"


def refuse_taken(ports: Ports) -> None:
    """Raise ConfigurationError that names the holder of the first port that is taken."""
    for name in ("gateway", "registry", "registry_grpc", "admin"):
        port = getattr(ports, name)
        if is_taken(port):
            variable = f"MT_{name.upper()}_PORT"
            raise ConfigurationError(f"port {port} ({name}) is taken by {holder(port)}; stop it, or set {variable}")


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on `port` of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def holder(port: int) -> str:
    """Describe the process that listens on `port`, as far as this system tells."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        if _holds(process, inodes):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            return f"process {process.name} ({command})"
    return "another process"


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        return any(_target(descriptor) in wanted for descriptor in (process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""
