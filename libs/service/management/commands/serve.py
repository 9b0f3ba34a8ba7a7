"""`manage.py serve`: run one instance of this service."""

import asyncio
import gc
from typing import Any

import uvloop
from django.core.management.base import BaseCommand

from libs.service import platform
from libs.service.serve import Instance

#: New objects between two collections. Requests leave next to no circles behind, and Python's 700 is reached by ten.
GC_THRESHOLD = 20_000


class Command(BaseCommand):
    help = "Run one instance: HTTP and gRPC, registered, until SIGTERM."
    requires_system_checks: list[str] = []  # refuse_unready runs them and says one line

    def handle(self, *args: Any, **options: Any) -> None:
        platform.begin_logs()
        platform.refuse_unready()
        platform.connect()
        shipper = platform.ship_logs()
        gc.freeze()  # what is there now stays: no collection need look at it again
        gc.set_threshold(GC_THRESHOLD)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
        finally:
            shipper.stop(timeout=2.0)

    async def _run(self) -> None:
        await Instance().run()
