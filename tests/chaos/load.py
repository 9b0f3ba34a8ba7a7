"""The clients together: a closed loop, in calm to find how many keep the machine busy, then for as long as it takes.

The knee is the smallest number of clients with which nearly as many requests are answered as with twice as many: from
there on, more of them only wait for each other.
"""

import threading
import time
from dataclasses import dataclass

from tests.benchmarks.load import percentile
from tests.chaos.client import Client, rng_of
from tests.system.users import Person

STEPS = (1, 2, 4, 8, 16)
STEP_SECONDS = 5.0

#: Twice the clients must bring so much more to be worth it.
GAIN = 1.15


@dataclass(frozen=True)
class Figures:
    """What a stretch of the load did: answers per second, and latencies in ms."""

    clients: int
    rate: float
    p50: float
    p99: float


class Load:
    """Clients of one gateway; `seed` decides what they do."""

    def __init__(self, gateway_url, seed):
        self._gateway_url = gateway_url
        self._seed = seed
        self._over = threading.Event()
        self._threads = []
        self.clients = []

    def grow(self, count):
        """Sign people up until there are `count`."""
        for number in range(len(self.clients), count):
            person = Person(self._gateway_url, f"Client-{number}").sign_up()
            self.clients.append(Client(number, person, rng_of(self._seed, f"client {number}")))

    def stretch(self, count):
        """Let the first `count` clients work for some seconds, and give the figures."""
        self.grow(count)
        before = len(self.samples)
        began = time.monotonic()
        self.start(count)
        self._over.wait(STEP_SECONDS)
        self.stop()
        taken = time.monotonic() - began
        latencies = [sample.seconds * 1000 for sample in self.samples if sample.at >= began]
        return Figures(
            count, (len(self.samples) - before) / taken, percentile(latencies, 0.5), percentile(latencies, 0.99)
        )

    def find_knee(self):
        """Double the clients while that brings more; give the number at the knee, and the figures of all stretches."""
        found = [self.stretch(STEPS[0])]
        for count in STEPS[1:]:
            found.append(self.stretch(count))
            if found[-1].rate < GAIN * found[-2].rate:
                return found[-2].clients, found
        return STEPS[-1], found

    def start(self, count, *, settle=False):
        """Let the first `count` clients work until `stop`."""
        self._over.clear()
        self._threads = [
            threading.Thread(target=client.run, args=(self._over, settle), name=f"client-{client.number}")
            for client in self.clients[:count]
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        """Let each finish what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def close(self):
        """Close all connections."""
        for client in self.clients:
            client.close()

    @property
    def samples(self):
        return [sample for client in self.clients for sample in client.samples]

    @property
    def faults(self):
        return sorted((fault for client in self.clients for fault in client.faults), key=lambda fault: fault.at)
