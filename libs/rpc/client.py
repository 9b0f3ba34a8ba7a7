"""The client side of the bridge: one channel per target, made lazily and after a fork, never waiting for readiness.

A refused connection fails in a millisecond as UNAVAILABLE; with `wait_for_ready` it would wait for the whole deadline.
"""

import os
import threading
from collections import OrderedDict
from typing import Any

import grpc

from libs.identity.service_tokens import ServiceSigner
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.options import CHANNEL_OPTIONS

HANDLE = "/microtodo.http.v1.HttpBridge/Handle"
MAX_CHANNELS = 256


class BridgeClient:
    """Calls other services from threads."""

    def __init__(self, signer: ServiceSigner) -> None:
        """Sign calls with `signer`."""
        self._signer = signer
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._channels: OrderedDict[str, tuple[grpc.Channel, Any]] = OrderedDict()

    def handle(self, target: str, audience: str, request: pb.Request, timeout: float) -> pb.Response:
        """Send `request` to the instance of `audience` at `target` ("host:port"); grpc.RpcError for no answer."""
        answer: pb.Response = self._method(target)(
            request, timeout=timeout, metadata=call_metadata(self._signer, audience)
        )
        return answer

    def close(self) -> None:
        """Close all channels; calls in flight fail."""
        with self._lock:
            while self._channels:
                self._channels.popitem()[1][0].close()

    def _method(self, target: str) -> Any:
        with self._lock:
            if self._pid != os.getpid():  # the parent's channels do not work here
                self._pid, self._channels = os.getpid(), OrderedDict()
            if target not in self._channels:
                channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
                self._channels[target] = (
                    channel,
                    channel.unary_unary(HANDLE, pb.Request.SerializeToString, pb.Response.FromString),
                )
                if len(self._channels) > MAX_CHANNELS:
                    self._channels.popitem(last=False)[1][0].close()
            self._channels.move_to_end(target)
            return self._channels[target][1]


def call_metadata(signer: ServiceSigner, audience: str) -> tuple[tuple[str, str], ...]:
    """Give the metadata that says who calls."""
    return (("authorization", f"Bearer {signer.cached_token(audience)}"),)
