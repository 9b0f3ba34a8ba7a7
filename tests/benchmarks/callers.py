"""Callers that never rest: every millisecond each picks an instance, and remembers when it picked whom last."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

import grpc

from libs.discovery import NoInstance, RegistryDirectory
from libs.discovery.channels import stub
from libs.rpc import registry_pb2 as pb
from tests.benchmarks.registry import Registry

EVERY = 0.001
KINDS = SNAPSHOTS, RESOLVE = "from snapshots", "by Resolve"


class Callers:
    """Some with a snapshot of their own (each its own stream), one that asks `Resolve`. Use as a context manager.

    `last[kind][id]` is the monotonic time of the last pick of an instance, taken after the answer: never too early.
    """

    def __init__(self, registry: Registry, service: str, directories: int) -> None:
        self.last: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
        self.picks = dict.fromkeys(KINDS, 0)
        self.without = 0
        self._registry = registry
        self._service = service
        self._directories = [
            RegistryDirectory([registry.address], registry.signer("gateway"), [registry.url])
            for _ in range(directories)
        ]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._pick, self._resolve)]

    def __enter__(self) -> Self:
        for directory in self._directories:
            assert directory.wait(10), "the Registry did not answer a watcher"
        return self

    def start(self) -> None:
        """Begin to pick."""
        for thread in self._threads:
            thread.start()

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for directory in self._directories:
            directory.stop()

    def see(self, instance_id: str) -> bool:
        """Tell whether every snapshot has an instance as up."""
        return all(
            any(each.id == instance_id and each.state == "up" for each in directory.instances(self._service))
            for directory in self._directories
        )

    def last_pick(self, instance_id: str) -> float:
        """Give the time of anybody's last pick of an instance."""
        return max(own.get(instance_id, 0.0) for own in self.last.values())

    def _pick(self) -> None:
        choices = [lambda directory=directory: directory.pick(self._service).id for directory in self._directories]
        self._repeat(SNAPSHOTS, choices)

    def _resolve(self) -> None:
        request = pb.ResolveRequest(type=self._service)
        with self._registry.channel() as opened:
            resolve = stub(opened).Resolve

            def ask() -> str:
                caller = self._registry.metadata("gateway")
                return str(resolve(request, timeout=10, metadata=caller).instance.id)

            self._repeat(RESOLVE, [ask])

    def _repeat(self, kind: str, choices: Sequence[Callable[[], str]]) -> None:
        last = self.last[kind]
        while not self._stopping.is_set():
            for choose in choices:
                try:
                    last[choose()] = time.monotonic()
                except (NoInstance, grpc.RpcError):
                    self.without += 1
            self.picks[kind] += len(choices)
            time.sleep(EVERY)
