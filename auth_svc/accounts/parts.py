"""What Auth's processes run beside their doors. Any number of instances may run the same part."""

import random
import threading

import structlog
from django.conf import settings
from django.db import connection

from auth_svc.accounts.services import housekeeping, keys, mails

log = structlog.get_logger(__name__)


class Repeating:
    """A thread that does the same work again and again; a failure is logged and the next turn tries again."""

    name: str

    def __init__(self) -> None:
        """Make the thread; nothing runs yet."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the turn that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def work(self) -> None:
        """Do one turn."""
        raise NotImplementedError

    def pause(self) -> float:
        """Give the seconds until the next turn."""
        raise NotImplementedError

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                self.work()
            except Exception:
                log.exception("a turn failed; the next one tries again", part=self.name)
            finally:
                connection.close()
            pause = self.pause()


class Sweeper(Repeating):
    """Erases due accounts and deletes expired rows; a part of `serve`."""

    name = "sweeper"

    def start(self) -> None:
        """Make sure that there are keys to sign with and that they can be read, then begin."""
        try:
            keys.private_key(keys.keys_ensure())
        finally:
            connection.close()
        super().start()

    def work(self) -> None:
        """Sweep."""
        housekeeping.sweep()

    def pause(self) -> float:
        """Vary the pause, so that instances do not march in step."""
        return float(settings.SWEEP_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311


class Mailer(Repeating):
    """Sends waiting mails; a part of `worker`."""

    name = "mailer"

    def work(self) -> None:
        """Send all mails that are due."""
        mails.mails_send_due()

    def pause(self) -> float:
        """Look about once a second."""
        return random.uniform(0.5, 1.0)  # noqa: S311
