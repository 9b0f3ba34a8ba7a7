"""Who the client is, and what services are told of the way: Forwarded (RFC 7239), X-Forwarded-*, Via.

What an untrusted peer says of itself counts for nothing. A trusted proxy's list is read from the right: the first
address that is no trusted proxy is the client.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from gateway_svc.routing.headers import first, values
from libs.rpc.asgi import Scope
from libs.rpc.messages import RawHeaders

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

#: So many addresses are remembered with what they are: proxies are few, and clients come in bursts.
_KNOWN_ADDRESSES = 4096
_LONGEST_ADDRESS = 100

_FOR = re.compile(r'(?:^|;)\s*for="?([^";]+)"?', re.IGNORECASE)
_PROTO = re.compile(r'(?:^|;)\s*proto="?(https?)"?\s*(?:;|$)', re.IGNORECASE)


class Origin(NamedTuple):
    """Where a request came from: the peer's address, the client's, the scheme and version of HTTP the client used."""

    peer: str
    client_ip: str
    scheme: str
    version: str
    trusted: bool


class TrustedProxies:
    """The proxies whose word counts."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Trust addresses and networks, such as `10.0.0.0/8`; ValueError names one that is neither."""
        self._networks: list[Network] = [ip_network(network) for network in networks]
        self._trusts = lru_cache(_KNOWN_ADDRESSES)(self._is_trusted)

    def origin(self, scope: Scope) -> Origin:
        """Find out where the request of `scope` came from."""
        peer = scope["client"][0] if scope.get("client") else ""
        scheme, version = scope["scheme"], scope["http_version"]
        if not self._networks or not self._trusts(peer):
            return Origin(peer, peer, scheme, version, trusted=False)
        headers = scope["headers"]
        client, told = self._client(peer, headers)
        told = first(headers, b"x-forwarded-proto").split(b",")[-1].strip().lower().decode("latin-1") or told
        return Origin(peer, client, told if told in ("http", "https") else scheme, version, trusted=True)

    def _client(self, peer: str, headers: RawHeaders) -> tuple[str, str]:
        """Give the client's address and the scheme it used, as far as the trusted hops tell."""
        client, scheme = peer, ""
        for hop, proto in _chain(headers):
            address = parse_address(hop)
            if address is None:
                break
            client, scheme = str(address), proto
            if not self._trusts(client):
                break
        return client, scheme

    def _is_trusted(self, text: str) -> bool:
        address = parse_address(text)
        return address is not None and any(address in network for network in self._networks)


def parse_address(text: str) -> Address | None:
    """Read an address with or without brackets and port; an IPv4 address in IPv6 clothes is the IPv4 one."""
    return _parse_address(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(_KNOWN_ADDRESSES)
def _parse_address(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def added(origin: Origin, headers: RawHeaders, host: str, name: str) -> list[tuple[bytes, bytes]]:
    """Give the headers that tell a service of the way; `name` is this gateway's in Via and Forwarded."""
    peer, scheme = origin.peer, origin.scheme
    told_host = f';host="{host}"' if host else ""
    forwarded = f"for={_node(peer)};by=_{name}{told_host};proto={scheme}".encode()
    chain = peer.encode()
    if origin.trusted:
        forwarded = b", ".join([*values(headers, b"forwarded"), forwarded])
        chain = b", ".join([*values(headers, b"x-forwarded-for"), chain])
    via = b", ".join([*values(headers, b"via"), f"{origin.version} {name}".encode()])
    made = [
        (b"forwarded", forwarded),
        (b"x-forwarded-for", chain),
        (b"x-forwarded-proto", scheme.encode()),
        (b"via", via),
    ]
    return [*made, (b"x-forwarded-host", host.encode())] if host else made


def _node(peer: str) -> str:
    return f'"[{peer}]"' if ":" in peer else peer or "unknown"


def _chain(headers: RawHeaders) -> Iterator[tuple[str, str]]:
    """Give the addresses of X-Forwarded-For, else the addresses and schemes of Forwarded, the nearest first."""
    listed = b",".join(values(headers, b"x-forwarded-for")).decode("latin-1")
    if listed:
        for hop in reversed(listed.split(",")):
            yield hop, ""
        return
    elements = b",".join(values(headers, b"forwarded")).decode("latin-1")
    for element in reversed(elements.split(",")) if elements else ():
        node, proto = _FOR.search(element), _PROTO.search(element)
        yield node[1] if node else "", proto[1].lower() if proto else ""
