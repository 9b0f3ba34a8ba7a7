"""Which addresses count as one client."""

import pytest

from auth_svc.accounts.services.throttle import network


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_client_owns_an_ipv4_address_or_an_ipv6_network(ip, expected):
    assert network(ip) == expected
