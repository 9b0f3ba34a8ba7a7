"""gRPC channels to the Registry: one per attempt, so that no old connection's backoff delays the next one."""

import threading
from collections.abc import Callable
from typing import Any

import grpc

from libs.identity.service_tokens import ServiceSigner
from libs.rpc.registry_pb2_grpc import RegistryStub

AUDIENCE = "registry"
TIMEOUT = 5.0  # seconds, for single calls

# A registry that hangs or is cut off answers no ping: the call ends within 7 s.
OPTIONS = (
    ("grpc.keepalive_time_ms", 4000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


def channel(address: str) -> grpc.Channel:
    """Open a channel to the Registry at `address`; use it as a context."""
    return grpc.insecure_channel(address, options=OPTIONS)


def attend(
    stream: Any,
    over: threading.Event,
    listen: Callable[[Any, threading.Event], None],
    given_up: Callable[[], bool],
    *,
    every: float,
) -> None:
    """Let `listen` read `stream` to its end, or until `given_up` (asked `every` so many seconds); raise its faults.

    A thread of its own reads: after a GOAWAY gRPC may let a reader wait for ever, even where its call is cancelled.
    Such a thread is left behind, and hears by `over` that nobody wants its messages any more.
    """
    faults: list[Exception] = []

    def read() -> None:
        try:
            listen(stream, over)
        except Exception as fault:  # noqa: BLE001  (it is raised again where somebody waits)
            faults.append(fault)
        finally:
            over.set()

    threading.Thread(target=read, name="discovery-read", daemon=True).start()
    while not over.wait(every):
        if given_up():
            over.set()
    stream.cancel()
    if faults:
        raise faults[0]


def stub(opened: grpc.Channel) -> RegistryStub:
    """Give the Registry's methods over a channel."""
    return RegistryStub(opened)  # type: ignore[no-untyped-call]


def metadata(signer: ServiceSigner) -> tuple[tuple[str, str], ...]:
    """Give the metadata that say who calls."""
    return (("authorization", f"Bearer {signer.cached_token(AUDIENCE)}"),)


def headers(signer: ServiceSigner) -> dict[str, str]:
    """Give the same as HTTP headers."""
    return {"authorization": f"Bearer {signer.cached_token(AUDIENCE)}"}


def failure(error: grpc.RpcError) -> tuple[str, str]:
    """Give the code (`mt-code` of the Registry, else gRPC's name in lower case) and the text of a failed call."""
    call: Any = error
    if not hasattr(call, "code"):
        return "unavailable", str(error)
    trailing = dict(call.trailing_metadata() or ())
    return str(trailing.get("mt-code") or call.code().name.lower()), str(call.details() or "")
