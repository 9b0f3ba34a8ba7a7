"""The HTTP door of a worker: /healthz and /metrics of the process that runs the tasks, and nothing else.

A worker never registers, so nobody learns of its port from the Registry. It writes its address into a file of the form
that Prometheus reads (`file_sd_configs`): MT_HOME/metrics/<instance>.json. Where MT_HTTP_PORT is fixed, that is enough.
"""

import asyncio
import json
import threading
from contextlib import suppress
from functools import partial

import structlog
import uvicorn
from django.conf import settings

from libs.rpc.http_protocol import PublicHttpProtocol
from libs.service.asgi import internal_application
from libs.service.serve import HttpServer, listen

log = structlog.get_logger(__name__)


class WorkerDoor:
    """A Part of each worker, first to start and last to stop."""

    def __init__(self) -> None:
        """Open the port before any fork, for all children; ConfigurationError where it is taken."""
        self._socket = listen(settings.HOST, settings.HTTP_PORT)
        self._http: HttpServer | None = None
        self._thread: threading.Thread | None = None
        self.file = settings.HOME / "metrics" / f"{settings.INSTANCE}.json"

    @property
    def address(self) -> str:
        """Where others find it, as host:port."""
        return f"{settings.ADVERTISE_HOST}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Answer, in a thread of this process, and say where."""
        http = HttpServer(
            uvicorn.Config(
                internal_application(),
                interface="asgi3",
                http=PublicHttpProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        serve = partial(http.serve, sockets=[self._socket])  # and close it; the parent keeps its own for the next child
        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="door", daemon=True)
        self._thread.start()
        self._http = http
        self._write()

    def stop(self) -> None:
        """Answer no more."""
        with suppress(OSError):
            self.file.unlink()
        if self._http is not None and self._thread is not None:
            self._http.should_exit = True
            self._thread.join(timeout=5)

    def _write(self) -> None:
        labels = {"service": settings.SERVICE, "instance": settings.INSTANCE, "kind": "worker"}
        new = self.file.with_suffix(".new")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps([{"targets": [self.address], "labels": labels}]))
            new.replace(self.file)
        except OSError as error:  # a full disk ends no worker
            log.warning("nobody learns where /metrics is", address=self.address, file=str(self.file), error=str(error))
