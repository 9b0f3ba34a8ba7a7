"""Who does what is planned."""

import signal
import threading
import time
import traceback

from tests.chaos.events.plan import GROUPS
from tests.chaos.events.world import QUEUES


class Chaos:
    """Does the deeds of a plan to a world, each in a thread of its own; then nothing is dead or frozen any more."""

    def __init__(self, world, deeds):
        self._world = world
        self._deeds = deeds
        self.faults = []

    def run(self):
        """Do all deeds; return when the last one is over."""
        began = time.monotonic()
        threads = []
        for deed in self._deeds:
            time.sleep(max(0.0, began + deed.at - time.monotonic()))
            threads.append(threading.Thread(target=self._do, args=(deed,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _do(self, deed):
        try:
            getattr(self, f"_{deed.what.replace(' ', '_')}")(deed)
        except Exception:  # noqa: BLE001  (told as a fault)
            self.faults.append(f"{deed}: {traceback.format_exc()}")

    def _kill(self, deed):
        self._world.signal(deed.whom, signal.SIGKILL)

    def _kill_parent(self, deed):
        """Its children must notice."""
        self._world.signal(deed.whom, signal.SIGKILL, alone=True)

    def _kill_group(self, deed):
        for name in GROUPS[deed.whom]:
            self._world.signal(name, signal.SIGKILL)

    def _freeze(self, deed):
        self._world.signal(deed.whom, signal.SIGSTOP)
        time.sleep(deed.seconds)
        self._world.signal(deed.whom, signal.SIGCONT)

    def _away(self, deed):
        """A subscriber is switched off and nobody starts it again."""
        self._world.away |= set(GROUPS[deed.whom])
        self._kill_group(deed)
        time.sleep(deed.seconds)
        self._world.away -= set(GROUPS[deed.whom])

    def _forget_acknowledgements(self, deed):
        (self._world.home / "forget").touch()
        time.sleep(deed.seconds)
        (self._world.home / "forget").unlink()

    def _lock_the_database(self, deed):
        self._world.stores.lock("events", deed.seconds)

    def _wipe_the_broker(self, deed):
        with self._world.broker.doing:
            self._world.broker.wipe(QUEUES)

    def _kill_the_broker(self, deed):
        broker = self._world.broker
        with broker.doing:
            broker.signal(signal.SIGKILL)
            broker.process.wait(10)
            broker.start()

    def _freeze_the_broker(self, deed):
        broker = self._world.broker
        with broker.doing:
            broker.signal(signal.SIGSTOP)
            time.sleep(deed.seconds)
            broker.signal(signal.SIGCONT)
