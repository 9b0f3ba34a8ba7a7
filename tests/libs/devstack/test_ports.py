import os
import socket

import pytest

from libs.devstack.plan import Ports
from libs.devstack.ports import holder, is_taken, refuse_taken
from libs.service.env import ConfigurationError


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_with_its_holder_and_the_variable(taken):
    with pytest.raises(ConfigurationError) as error:
        refuse_taken(Ports(gateway=taken))

    assert f"process {os.getpid()}" in str(error.value)
    assert "MT_GATEWAY_PORT" in str(error.value)


def test_a_free_port_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert not is_taken(port)
    assert holder(port) == "another process"
