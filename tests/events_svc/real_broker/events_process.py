"""The worker of Events, with its HTTP API on a gRPC port beside it."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from libs.eventbus.worker import run
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.server import BridgeServer
from libs.service.identity import verifier
from libs.service.parts import Parts


class Bridge:
    def start(self) -> None:
        dispatcher = Dispatcher(get_wsgi_application())
        self.server = BridgeServer(dispatcher, verifier(), host="127.0.0.1", port=0, health=lambda: (True, ""))
        port = self.server.start()
        (settings.HOME / "events.port").write_text(str(port))

    def stop(self) -> None:
        self.server.stop(1.0)


def main(command: str) -> None:
    assert command == "worker"
    run(settings.SERVICE, settings.WORKER_QUEUES, Parts.named(settings.WORKER_PARTS), Bridge())
