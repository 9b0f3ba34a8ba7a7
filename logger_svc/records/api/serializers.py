"""Query parameters of log records, the batch key, and cursors."""

import re
from datetime import datetime
from typing import Any

from django.core import signing
from rest_framework import serializers

from libs.webapi.serializers import Query
from logger_svc.records import fulltext
from logger_svc.records.errors import InvalidBatch, InvalidCursor
from logger_svc.records.levels import NUMBERS
from logger_svc.records.models import BatchKey, Filters, Position, microseconds

MAX_ID = 2**63 - 1
MAX_TAIL = 1_000
_SALT = "logger_svc.records"
_BATCH = re.compile(r"(?P<instance>[^/\s]{1,255})/(?P<boot>[^/\s]{1,64})/(?P<sequence>\d{1,18})", re.ASCII)


class Moment(serializers.Field[datetime, str, str, Any]):
    """A moment in RFC 3339 with an offset."""

    default_error_messages = {"invalid": "write a moment like 2026-11-23T10:00:00Z"}

    def to_internal_value(self, data: Any) -> datetime:
        """Read the text."""
        try:
            moment = datetime.fromisoformat(str(data))
        except ValueError:
            self.fail("invalid")
        if moment.tzinfo is None:
            self.fail("invalid")
        return moment

    def to_representation(self, value: datetime) -> str:
        """Write the text."""
        return value.isoformat()


class LevelField(serializers.ChoiceField):
    """The name of a level, in any case."""

    default_error_messages = {"invalid_choice": f"a level is one of {', '.join(NUMBERS)}"}

    def to_internal_value(self, data: Any) -> str:
        """Read the name."""
        return str(super().to_internal_value(str(data).lower()))


class LogQuery(Query):
    """What narrows a page or a tail. `level` means "at least"."""

    service = serializers.CharField(required=False, max_length=63)
    instance = serializers.CharField(required=False, max_length=255)
    level = LevelField(choices=list(NUMBERS), required=False)
    since = Moment(required=False)
    until = Moment(required=False)
    trace_id = serializers.CharField(required=False, max_length=255)
    request_id = serializers.CharField(required=False, max_length=255)
    q = serializers.CharField(required=False, max_length=400)


class TailQuery(LogQuery):
    """A tail goes on after a cursor."""

    cursor = None  # type: ignore[assignment]  # how DRF drops an inherited field
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_TAIL)
    after = serializers.CharField(required=False, max_length=19)


def filters_of(params: dict[str, Any]) -> Filters:
    """Make the filters that the query parameters name."""
    texts = {name: params.get(name, "") for name in ("service", "instance", "trace_id", "request_id")}
    return Filters(
        **texts,
        level=NUMBERS.get(params.get("level", ""), 0),
        since=_microseconds(params.get("since")),
        until=_microseconds(params.get("until")),
        terms=fulltext.parse(params.get("q", "")),
    )


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def batch_key(header: str, service: str) -> BatchKey | None:
    """Read `X-Batch: <instance>/<boot>/<sequence>`, None without it."""
    if not header:
        return None
    match = _BATCH.fullmatch(header)
    if match is None:
        raise InvalidBatch("X-Batch: write <instance>/<boot>/<sequence>")
    return BatchKey(service, match["instance"], match["boot"], int(match["sequence"]))


def page_cursor(place: Position | None) -> str | None:
    """Write the cursor of the next page."""
    return None if place is None else signing.dumps(list(place), salt=_SALT)


def page_place(cursor: str | None) -> Position | None:
    """Read a page's cursor; InvalidCursor where it is not ours."""
    if cursor is None:
        return None
    try:
        return Position(*signing.loads(cursor, salt=_SALT))
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise InvalidCursor from error


def tail_id(after: str | None) -> int | None:
    """Read a tail's cursor: the id of a commit."""
    if after is None:
        return None
    if not (after.isascii() and after.isdigit()) or int(after) > MAX_ID:
        raise InvalidCursor
    return int(after)
