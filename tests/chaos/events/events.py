"""A process of Events: its worker, with its HTTP API on a gRPC port beside it."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from libs.eventbus.worker import run
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.server import BridgeServer
from libs.service.identity import verifier
from libs.service.parts import Parts


class Bridge:
    def start(self):
        dispatcher = Dispatcher(get_wsgi_application())
        self.server = BridgeServer(dispatcher, verifier(), host="127.0.0.1", port=0, health=lambda: (True, ""))
        port = self.server.start()
        file = settings.HOME / "ports" / settings.INSTANCE
        file.with_name(f".{file.name}").write_text(str(port))
        file.with_name(f".{file.name}").rename(file)

    def stop(self):
        self.server.stop(1.0)


def main():
    run(settings.SERVICE, settings.WORKER_QUEUES, Parts.named(settings.WORKER_PARTS), Bridge())
