import os
import socket
import subprocess
import sys

import pytest

from libs.service import embedded


@pytest.fixture
def broker_socket(tmp_path):
    """A socket where the embedded broker of `tmp_path` has its own."""
    path = embedded.socket_path(tmp_path)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        yield path


def found(home, **variables):
    """Give what a command sees that is started with MT_HOME and `variables`, and nothing else."""
    shown = "s.BROKER_URL, s.REDIS_URL, *s.REGISTRY_ADDRESSES, *s.REGISTRY_URLS"
    code = f"from libs.service import settings as s; print({shown})"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MT_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**bare, "MT_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip().split(" ")


def test_a_command_without_variables_finds_the_embedded_broker_of_its_home(broker_socket, tmp_path):
    broker, redis, *_ = found(tmp_path)

    assert (broker, redis) == (f"redis+socket://{broker_socket}?virtual_host=0", f"unix://{broker_socket}?db=1")


def test_an_address_that_is_set_counts_more_than_the_embedded_broker(broker_socket, tmp_path):
    assert found(tmp_path, MT_BROKER_URL="amqp://mq", MT_REDIS_URL="redis://r")[:2] == ["amqp://mq", "redis://r"]


def test_without_a_socket_there_is_no_broker(tmp_path):
    assert not embedded.is_there(tmp_path)


def test_the_ports_of_make_up_lead_to_its_registry(broker_socket, tmp_path):
    found_there = found(tmp_path, MT_REGISTRY_PORT="9081", MT_REGISTRY_GRPC_PORT="9091")[2:]

    assert found_there == ["127.0.0.1:9091", "http://127.0.0.1:9081"]


def test_a_long_path_has_its_sockets_in_the_temporary_folder(tmp_path):
    home = tmp_path / ("x" * embedded.LONGEST_SOCKET)

    assert home not in embedded.socket_path(home).parents
