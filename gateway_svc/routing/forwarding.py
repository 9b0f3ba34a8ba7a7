"""Who the client is, and what services are told of the way: Forwarded (RFC 7239), X-Forwarded-*, Via.

What an untrusted peer says of itself counts for nothing. A trusted proxy's list is read from the right: the first
address that is no trusted proxy is the client.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway_svc.routing.headers import first, values
from libs.rpc.asgi import Scope
from libs.rpc.messages import RawHeaders

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_FOR = re.compile(r'(?:^|;)\s*for="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the peer's address, the client's, and the scheme the client used."""

    peer: str
    client_ip: str
    scheme: str
    trusted: bool


class TrustedProxies:
    """The proxies whose word counts."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Trust addresses and networks, such as `10.0.0.0/8`; ValueError names one that is neither."""
        self._networks: list[Network] = [ip_network(network) for network in networks]

    def origin(self, scope: Scope) -> Origin:
        """Find out where the request of `scope` came from."""
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._networks or not self._trusts(parse_address(peer)):
            return Origin(peer, peer, scope["scheme"], trusted=False)
        headers = scope["headers"]
        scheme = first(headers, b"x-forwarded-proto").split(b",")[-1].strip().lower().decode("latin-1")
        scheme = scheme if scheme in ("http", "https") else scope["scheme"]
        return Origin(peer, self._client(peer, headers), scheme, trusted=True)

    def _client(self, peer: str, headers: RawHeaders) -> str:
        client = peer
        for hop in reversed(_chain(headers)):
            address = parse_address(hop)
            if address is None:
                return client
            client = str(address)
            if not self._trusts(address):
                return client
        return client

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def parse_address(text: str) -> Address | None:
    """Read an address with or without brackets and port; an IPv4 address in IPv6 clothes is the IPv4 one."""
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
    earlier_for = [value.decode("latin-1") for value in values(headers, b"x-forwarded-for")] if origin.trusted else []
    earlier = [value.decode("latin-1") for value in values(headers, b"forwarded")] if origin.trusted else []
    vias = [value.decode("latin-1") for value in values(headers, b"via")]
    element = f'for={_node(origin.peer)};by=_{name};host="{host}";proto={origin.scheme}'
    made = {
        "forwarded": ", ".join([*earlier, element]),
        "x-forwarded-for": ", ".join([*earlier_for, origin.peer]),
        "x-forwarded-proto": origin.scheme,
        "x-forwarded-host": host,
        "via": ", ".join([*vias, f"1.1 {name}"]),
    }
    return [(key.encode(), value.encode("latin-1")) for key, value in made.items()]


def _node(peer: str) -> str:
    return f'"[{peer}]"' if ":" in peer else peer or "unknown"


def _chain(headers: RawHeaders) -> list[str]:
    """Give the addresses named by X-Forwarded-For, else those of Forwarded, the nearest last."""
    listed = b",".join(values(headers, b"x-forwarded-for")).decode("latin-1")
    if listed:
        return listed.split(",")
    elements = b",".join(values(headers, b"forwarded")).decode("latin-1")
    matches = [_FOR.search(element) for element in elements.split(",")] if elements else []
    return [match[1] if match else "" for match in matches]
