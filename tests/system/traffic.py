"""Requests that go on while something happens."""

import threading

import requests

from tests.system.stack import eventually


class Traffic:
    """Repeats `send`, a function that gives an answer, in a few threads until the block ends; keeps all answers."""

    def __init__(self, send, *, threads=2, pause=0.01):
        self.send = send
        self.pause = pause
        self.answers = []
        self.errors = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        while not self.over.is_set():
            try:
                self.answers.append(self.send())
            except requests.RequestException as error:
                self.errors.append(error)
            self.over.wait(self.pause)

    def more(self, count=10):
        """Wait until so many more answers have come."""
        wanted = len(self.answers) + count
        eventually(lambda: len(self.answers) >= wanted, within=20, what=f"{count} more answers")

    @property
    def statuses(self):
        return {answer.status_code for answer in self.answers}

    @property
    def request_ids(self):
        return [answer.headers["X-Request-ID"] for answer in self.answers]
