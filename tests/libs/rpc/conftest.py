from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceSigner, ServiceVerifier, load_private_key
from libs.rpc.client import BridgeClient
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.multiplexer import Multiplexer
from libs.rpc.server import BridgeServer
from libs.testing.keys import write_keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_keys(folder)
    return folder


@pytest.fixture(scope="session")
def signer_of(keys: Path) -> Callable[[str], ServiceSigner]:
    return lambda service: ServiceSigner(service, load_private_key(keys / f"{service}.pem"))


@pytest.fixture
def verifier(keys: Path) -> ServiceVerifier:
    return ServiceVerifier(Bundle.load(keys / "services.json"), "todo")


class Bridge:
    """A bridge server on a free loopback port."""

    def __init__(self, app: Any, verifier: ServiceVerifier, threads: int = 4, port: int = 0, **options: Any) -> None:
        self.well = True
        dispatcher = Dispatcher(app, threads, options.pop("max_queued", 200))
        loop = options.pop("loop", None)
        self.server = BridgeServer(
            dispatcher, verifier, host="127.0.0.1", port=port, health=lambda: (self.well, ""), **options
        )
        self.port = self.server.start(loop)
        self.target = f"127.0.0.1:{self.port}"


@pytest.fixture
def serve(verifier: ServiceVerifier) -> Iterator[Callable[..., Bridge]]:
    running: list[Bridge] = []

    def start(app: Any, threads: int = 4, **options: Any) -> Bridge:
        running.append(Bridge(app, verifier, threads, **options))
        return running[-1]

    yield start
    for bridge in running:
        bridge.server.stop(0)


@pytest.fixture
def client_of(signer_of: Callable[[str], ServiceSigner]) -> Iterator[Callable[[str], BridgeClient]]:
    clients: list[BridgeClient] = []

    def make(service: str) -> BridgeClient:
        clients.append(BridgeClient(signer_of(service)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
async def multiplexer(signer_of: Callable[[str], ServiceSigner]) -> AsyncIterator[Multiplexer]:
    client = Multiplexer(signer_of("gateway"))
    yield client
    await client.close()
