"""What a registration must look like, whichever door it comes through."""

import re
import uuid
from collections.abc import Iterator

from libs.contracts.errors import FieldError, ValidationFailed
from libs.discovery.model import ADDRESS, INSTANCE_ID, MAX_WEIGHT, Registration
from libs.identity.bundle import ServiceEntry
from registry_svc.instances.errors import RouteNotAllowed

HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
ROUTE = re.compile(r"/[!-~]*")
MAX_PORT = 65535
INTERVAL = (0.5, 300.0)
TIMEOUT = (0.05, 30.0)
COUNTS = (1, 100)
MAX_ROUTES = 100
MAX_TEXT = 100
MAX_METADATA = 32


def check_registration(registration: Registration, entry: ServiceEntry) -> None:
    """Raise ValidationFailed with every wrong field, or RouteNotAllowed."""
    wrong = [*_names(registration), *_addresses(registration), *_share(registration), *_health(registration)]
    if wrong:
        raise ValidationFailed("; ".join(f"{each.pointer}: {each.detail}" for each in wrong), errors=wrong)
    for route in registration.routes:
        if not entry.allows_route(route):
            raise RouteNotAllowed(f"The service bundle does not allow {entry.type} the route {route}.")


def is_uuid7(text: str) -> bool:
    """Tell whether `text` is a UUIDv7 in its lower-case form, whose order is that of time."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return False
    return str(parsed) == text and parsed.version == 7


def _names(mine: Registration) -> Iterator[FieldError]:
    if not INSTANCE_ID.fullmatch(mine.id):
        yield FieldError("/id", "invalid", "1 to 63 of a-z, 0-9 and -")
    if not is_uuid7(mine.incarnation):
        yield FieldError("/incarnation", "invalid", "a UUIDv7 in lower case, made at process start")
    for name in ("zone", "version"):
        if len(getattr(mine, name)) > MAX_TEXT:
            yield FieldError(f"/{name}", "max_length", f"at most {MAX_TEXT} characters")
        if not getattr(mine, name).isprintable():
            yield FieldError(f"/{name}", "invalid", "no control characters")
    if len(mine.metadata) > MAX_METADATA or any(len(k) + len(v) > 5 * MAX_TEXT for k, v in mine.metadata.items()):
        yield FieldError("/metadata", "max_length", f"at most {MAX_METADATA} short entries")
    if not all(f"{key}{value}".isprintable() for key, value in mine.metadata.items()):
        yield FieldError("/metadata", "invalid", "no control characters")


def _addresses(mine: Registration) -> Iterator[FieldError]:
    if not HOST.fullmatch(mine.host):
        yield FieldError("/host", "invalid", "a host name or IP address")
    for name in ("http_port", "grpc_port"):
        if not 0 <= getattr(mine, name) <= MAX_PORT:
            yield FieldError(f"/{name}", "invalid", f"0 to {MAX_PORT}")
    if not mine.http_port and not mine.grpc_port:
        yield FieldError("/http_port", "required", "give an HTTP port, a gRPC port, or both")
    if mine.address and not ADDRESS.fullmatch(mine.address):
        yield FieldError("/address", "invalid", "http:// or https://, a host, perhaps a port")


def _share(mine: Registration) -> Iterator[FieldError]:
    if not 0 <= mine.weight <= MAX_WEIGHT:
        yield FieldError("/weight", "invalid", f"0 to {MAX_WEIGHT}")
    if len(mine.routes) > MAX_ROUTES:
        yield FieldError("/routes", "max_length", f"at most {MAX_ROUTES}")
    for index, route in enumerate(mine.routes):
        if not ROUTE.fullmatch(route):
            yield FieldError(f"/routes/{index}", "invalid", "a path that begins with /")


def _health(mine: Registration) -> Iterator[FieldError]:
    health = mine.health
    if health.kind == "grpc" and not mine.grpc_port:
        yield FieldError("/health/kind", "invalid", "a gRPC check needs grpc_port")
    if health.kind == "http" and not mine.http_port:
        yield FieldError("/health/kind", "invalid", "an HTTP check needs http_port")
    if not ROUTE.fullmatch(health.path):
        yield FieldError("/health/path", "invalid", "a path that begins with /")
    if not INTERVAL[0] <= health.interval <= INTERVAL[1]:
        yield FieldError("/health/interval", "invalid", f"{INTERVAL[0]} to {INTERVAL[1]} seconds")
    if not TIMEOUT[0] <= health.timeout <= TIMEOUT[1]:
        yield FieldError("/health/timeout", "invalid", f"{TIMEOUT[0]} to {TIMEOUT[1]} seconds")
    for name in ("fall", "rise"):
        if not COUNTS[0] <= getattr(health, name) <= COUNTS[1]:
            yield FieldError(f"/health/{name}", "invalid", f"{COUNTS[0]} to {COUNTS[1]}")
