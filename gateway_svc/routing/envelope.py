"""Envelopes, as bytes: what passes of a client's headers and what the gateway adds; and what passes of an answer's.

What each request has is written here by hand, for making a message object of it costs as much as the rest of its way.
Clients send most headers (User-Agent, Accept …) with each request alike, and services theirs, so whether one passes and
how it is written is remembered by its name and value. Parts of a protobuf message may be written one by one and put one
after the other.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar

from gateway_svc.routing import forwarding, headers
from gateway_svc.routing.forwarding import Origin
from gateway_svc.routing.tracing import Trace
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import RawHeaders, from_headers, to_headers
from libs.rpc.varint import varint

#: So many headers are remembered, of at most so many bytes each.
MEMORY, MAX_BYTES = 4096, 512

#: Connection options that name no header.
_PLAIN = (b"keep-alive", b"close")

_Item = tuple[bytes, bytes]
_Key = TypeVar("_Key", _Item, tuple[str, bytes])
_Known = TypeVar("_Known")
_passing: dict[_Item, bytes] = {}
_returning: dict[tuple[str, bytes], _Item | None] = {}


#: Tags of the fields of a Request that have bytes or text (http_bridge.proto): the number, shifted by three, and 2.
_RAW_PATH, _QUERY, _BODY, _REQUEST_ID = (bytes((number << 3 | 2,)) for number in (2, 3, 7, 10))


def request(*, method: str, raw_path: bytes, query: bytes, body: bytes, request_id: str, route: str) -> bytes:
    """Write what each request has, as a part of an envelope."""
    given = request_id.encode()
    parts = [
        _of_method(method), _RAW_PATH, varint(len(raw_path)), raw_path, _REQUEST_ID, varint(len(given)), given,
        _of_route(route),
    ]  # fmt: skip
    if query:
        parts += (_QUERY, varint(len(query)), query)
    if body:
        parts += (_BODY, varint(len(body)), body)
    return b"".join(parts)


def trace(of: Trace) -> bytes:
    """Write the headers that carry a trace on, as a part of an envelope."""
    if of.tracestate:
        return written(of.headers)
    return _TRACEPARENT + str(of.parent).encode()


@lru_cache(64)
def _of_method(method: str) -> bytes:
    return pb.Request(method=method).SerializeToString()


@lru_cache(1024)
def _of_route(route: str) -> bytes:
    return pb.Request(route=route).SerializeToString()


def passing(given: RawHeaders) -> tuple[bytes, int]:
    """Write the headers of a client that may pass; tell how many were dropped for an ambiguous name."""
    parts, dropped = [], 0
    for item in given:
        part = _passing.get(item)
        if part is None:
            if item[0] == b"connection" and item[1].lower() not in _PLAIN:
                kept, dropped = headers.inbound(given)  # its options name other headers
                return written(kept), dropped
            kept, lost = headers.inbound([item])
            part = written(kept)
            dropped += lost
            if not lost:  # what is lost is counted each time
                _remember(_passing, item, part)
        parts.append(part)
    return b"".join(parts), dropped


def ours(origin: Origin, given: RawHeaders, host: str, name: str) -> bytes:
    """Write the headers that tell a service of the way; `name` is this gateway's in Via and Forwarded."""
    if origin.trusted or any(key == b"via" for key, _ in given):
        return written(forwarding.added(origin, given, host, name))
    return _of_untrusted(origin, host, name)


def written(raw: RawHeaders) -> bytes:
    """Write headers as a part of an envelope."""
    return pb.Request(headers=to_headers(raw)).SerializeToString()


def returning(answered: Iterable[pb.Header]) -> list[_Item] | None:
    """Read the headers of an answer that may pass; None where one is not valid HTTP."""
    kept = []
    for header in answered:
        key = header.name, header.value
        try:
            item = _returning[key]
        except KeyError:
            if key[0] == "connection":  # its options name other headers
                raw = from_headers(answered)
                return list(headers.outbound(raw)) if headers.are_valid(raw) else None
            item = key[0].encode(), key[1]
            if not headers.are_valid([item]):
                return None
            item = next(iter(headers.outbound([item])), None)
            _remember(_returning, key, item)
        if item is not None:
            kept.append(item)
    return kept


def _remember(memory: dict[_Key, _Known], key: _Key, known: _Known) -> None:
    if len(key[0]) + len(key[1]) <= MAX_BYTES:
        if len(memory) >= MEMORY:
            memory.clear()
        memory[key] = known


@lru_cache(1024)
def _of_untrusted(origin: Origin, host: str, name: str) -> bytes:
    return written(forwarding.added(origin, [], host, name))


#: A header whose value, always of 55 bytes, comes behind.
_TRACEPARENT = written([(b"traceparent", b"0" * 55)])[:-55]
