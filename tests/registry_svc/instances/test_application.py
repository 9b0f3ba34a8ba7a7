"""What a Registry process does around its node."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.service.env import ConfigurationError
from registry_svc.instances.application import check_free
from tests.registry_svc.parts import RunningRegistry, free_port, wait_until


def test_a_taken_grpc_port_is_named_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"MT_GRPC_PORT: can't listen on 127.0.0.1:{port}"):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", free_port())


def test_long_polls_are_answered_when_the_registry_is_about_to_stop(registry: RunningRegistry) -> None:
    path = "/v1/services/registry/watch"
    wait_until(lambda: not registry.get(path).json()["degraded"])
    index = registry.get(path).json()["revision"]
    before = len(registry.node.changes._listeners)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(registry.get, f"{path}?index={index}&wait=300")
        wait_until(lambda: len(registry.node.changes._listeners) > before)
        assert registry.application
        registry.thread.loop.call_soon_threadsafe(registry.application.end_streams)
        assert waiting.result(5).json()["revision"] == index
