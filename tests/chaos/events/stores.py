"""The databases of a run, seen from outside: made, read, locked, and with a ledger that a trigger keeps.

SQLite files in the home of the run, or databases of its own on the PostgreSQL of MT_TEST_POSTGRES_URL.
"""

import os
import secrets
import sqlite3
import time
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

POSTGRES = os.environ.get("MT_TEST_POSTGRES_URL", "")

#: All that is ever published, in the publisher's own transaction: rows of the outbox go when they are confirmed.
_LEDGER = "CREATE TABLE chaos_published (id text, type text, aggregate_id text, sequence bigint, data text)"
_COPY = "INSERT INTO chaos_published VALUES (NEW.id, NEW.type, NEW.aggregate_id, NEW.sequence, NEW.data)"


class SQLite:
    """One file for each service."""

    def __init__(self, home):
        self._folder = home / "db"
        self._folder.mkdir()

    def url(self, service):
        return f"sqlite://{self._file(service)}"

    def prepare(self, services):
        """Nothing: a file is made with its first table."""

    def drop(self):
        """Nothing: the files go with the home."""

    def keep_ledger(self, service):
        with self.open(service) as database:
            database.execute(_LEDGER)
            database.execute(f"CREATE TRIGGER chaos AFTER INSERT ON eventbus_outboxevent BEGIN {_COPY}; END")
            database.commit()

    def rows(self, service, query):
        with self.open(service) as database:
            return database.execute(query).fetchall()

    def lock(self, service, seconds):
        """Let nobody write for so long."""
        with self.open(service) as database:
            database.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            database.rollback()

    def open(self, service):
        return closing(sqlite3.connect(self._file(service), timeout=60, isolation_level=None))

    def _file(self, service):
        return self._folder / f"{service}.sqlite3"


class PostgreSQL:
    """One database for each service, with a name that no other run has."""

    def __init__(self, home):
        self._run = secrets.token_hex(4)
        self._made = []

    def url(self, service):
        return f"{POSTGRES}/{self._name(service)}"

    def prepare(self, services):
        with self._connect("postgres") as database:
            for service in services:
                database.execute(f"CREATE DATABASE {self._name(service)}")
                self._made.append(service)

    def drop(self):
        with self._connect("postgres") as database:
            for service in self._made:
                database.execute(f"DROP DATABASE {self._name(service)} WITH (FORCE)")

    def keep_ledger(self, service):
        with self.open(service) as database:
            database.execute(_LEDGER)
            copy = f"BEGIN {_COPY}; RETURN NULL; END"
            database.execute(f"CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS '{copy}'")
            trigger = "CREATE TRIGGER chaos AFTER INSERT ON eventbus_outboxevent FOR EACH ROW EXECUTE FUNCTION chaos()"
            database.execute(trigger)

    def rows(self, service, query):
        with self.open(service) as database:
            return database.execute(query).fetchall()

    def lock(self, service, seconds):
        """Let nobody read or write the ledger of deliveries for so long."""
        with self.open(service) as database, database.transaction():
            tables = "deliveries_stream, deliveries_event, deliveries_delivery"
            database.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
            time.sleep(seconds)

    def open(self, service):
        return self._connect(self._name(service))

    def _name(self, service):
        return f"chaos_{self._run}_{service}"

    @contextmanager
    def _connect(self, name):
        import psycopg  # noqa: PLC0415  (the embedded mode goes without)

        parts = urlsplit(POSTGRES)
        address = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password}
        with psycopg.connect(dbname=name, autocommit=True, **address) as connection:
            yield connection


def stores(home):
    """Give the databases that this run is to use."""
    return PostgreSQL(home) if POSTGRES else SQLite(home)
