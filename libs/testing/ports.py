"""Ports for servers of tests."""

import random
import socket
from contextlib import suppress

#: Below those that Linux gives to outgoing connections (32768 to 60999), one of which could take the port before the
#: server does.
FROM, TO = 15_000, 32_000


def free_ports(count: int) -> list[int]:
    """Give different ports of the loopback address where nobody listens."""
    found: set[int] = set()
    while len(found) < count:
        with suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(FROM, TO))) as probe:  # noqa: S311
            found.add(probe.getsockname()[1])
    return list(found)


def free_port() -> int:
    """Give one."""
    return free_ports(1)[0]
