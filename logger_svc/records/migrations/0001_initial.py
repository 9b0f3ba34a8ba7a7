"""Tables of the distributed mode. On SQLite there is nothing to do: the store makes its own files."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

CREATE = """
CREATE TABLE logger_head (single boolean PRIMARY KEY DEFAULT true CHECK (single), last bigint NOT NULL);
INSERT INTO logger_head (last) VALUES (0);
CREATE TABLE logger_records (
    id bigint NOT NULL, time bigint NOT NULL, level smallint NOT NULL, service text NOT NULL, instance text NOT NULL,
    logger text NOT NULL, message text NOT NULL, request_id text NOT NULL, trace_id text NOT NULL,
    span_id text NOT NULL, user_id text NOT NULL, attributes text NOT NULL, day date NOT NULL, words tsvector NOT NULL
) PARTITION BY RANGE (day);
CREATE INDEX ON logger_records (id);
CREATE INDEX ON logger_records (time, id);
CREATE INDEX ON logger_records (service, time, id);
CREATE INDEX ON logger_records (time, id) WHERE level >= 30;
CREATE INDEX ON logger_records (request_id, time) WHERE request_id <> '';
CREATE INDEX ON logger_records (trace_id, time) WHERE trace_id <> '';
CREATE INDEX ON logger_records USING gin (words);
CREATE TABLE logger_sources (
    day date NOT NULL, service text NOT NULL, instance text NOT NULL, count bigint NOT NULL, last bigint NOT NULL,
    PRIMARY KEY (day, service, instance)
);
CREATE TABLE logger_batches (
    service text NOT NULL, instance text NOT NULL, boot text NOT NULL, sequence bigint NOT NULL, day date NOT NULL,
    PRIMARY KEY (service, instance, boot, sequence)
);
CREATE INDEX ON logger_batches (day);
"""
DROP = "DROP TABLE logger_batches, logger_sources, logger_records, logger_head"


def forwards(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(CREATE)


def backwards(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(DROP)


class Migration(migrations.Migration):
    dependencies: list[tuple[str, str]] = []
    operations = [migrations.RunPython(forwards, backwards)]
