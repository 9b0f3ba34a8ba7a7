"""gRPC channels to the Registry: one per attempt, so that no old connection's backoff delays the next one."""

import grpc

from libs.identity.service_tokens import ServiceSigner

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


def metadata(signer: ServiceSigner) -> tuple[tuple[str, str], ...]:
    """Give the metadata that say who calls."""
    return (("authorization", f"Bearer {signer.cached_token(AUDIENCE)}"),)


def headers(signer: ServiceSigner) -> dict[str, str]:
    """Give the same as HTTP headers."""
    return {"authorization": f"Bearer {signer.cached_token(AUDIENCE)}"}


def failure(error: grpc.RpcError) -> tuple[str, str]:
    """Give the code (`mt-code` of the Registry, else gRPC's name in lower case) and the text of a failed call."""
    if not isinstance(error, grpc.Call):
        return "unavailable", str(error)
    trailing = dict(error.trailing_metadata() or ())
    code = trailing.get("mt-code") or error.code().name.lower()
    return (code if isinstance(code, str) else code.decode()), error.details() or ""
