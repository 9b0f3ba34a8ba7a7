"""What a Registry process does around its node."""

from concurrent.futures import ThreadPoolExecutor

from tests.registry_svc.parts import RunningRegistry, wait_until


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
