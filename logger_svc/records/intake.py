"""Reads batches: bounded decompression, then one record per line; a bad record is refused and the others go on."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from logger_svc.records.errors import InvalidBatch, TooManyRecords
from logger_svc.records.levels import NUMBERS
from logger_svc.records.models import Record, microseconds

MAX_BYTES = 1024 * 1024
MAX_RECORDS = 1_000
MAX_MESSAGE = 64 * 1024
MAX_ATTRIBUTES = 64 * 1024
MAX_NAME = 255
MAX_DEPTH = 20
#: A clock may be wrong, but a record from next week would stay the newest for a week.
MAX_AHEAD = timedelta(hours=1)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)

REQUIRED = ("time", "service", "instance", "level", "message")
OPTIONAL = ("logger", "request_id", "trace_id", "span_id", "user_id")
KNOWN = frozenset((*REQUIRED, *OPTIONAL, "attributes"))


class Refused(Exception):
    """A record is not taken: a stable code, and a text for people."""

    def __init__(self, code: str, detail: str) -> None:
        """Say why."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(slots=True)
class Intake:
    """The records that are taken, and the refused ones by index."""

    records: list[Record] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)


def gunzip(data: bytes) -> bytes:
    """Unpack gzip, also of several members; TooManyRecords as soon as it is more than a batch may be."""
    unpacked = b""
    while data:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            unpacked += member.decompress(data, MAX_BYTES + 1 - len(unpacked))
        except zlib.error as error:
            raise InvalidBatch("the body is not gzip") from error
        if len(unpacked) > MAX_BYTES:
            raise TooManyRecords
        if not member.eof:
            raise InvalidBatch("the gzip body is cut off")
        data = member.unused_data
    return unpacked


def read(body: bytes, *, service: str, now: datetime) -> Intake:
    """Read NDJSON that `service` sent; it may write only as itself."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise InvalidBatch("the batch is empty")
    if len(lines) > MAX_RECORDS:
        raise TooManyRecords
    intake = Intake()
    for index, line in enumerate(lines):
        try:
            intake.records.append(record(_parse(line), service=service, now=now))
        except Refused as refused:
            intake.refused.append({"index": index, "code": refused.code, "detail": refused.detail})
    return intake


def record(given: Mapping[str, Any], *, service: str, now: datetime) -> Record:
    """Check one record; Refused says what is wrong with it."""
    _check_names(given)
    if given["service"] != service:
        raise Refused("foreign_service", f"{service} may write only as itself")
    texts = {name: _text(given.get(name, ""), name, MAX_NAME) for name in (*OPTIONAL, "instance")}
    return Record(
        id=0,
        time=_time(given["time"], now),
        level=_level(given["level"]),
        service=service,
        message=_text(given["message"], "message", MAX_MESSAGE),
        attributes=_attributes(given.get("attributes", {})),
        **texts,
    )


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(line.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("malformed_json", f"not JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise Refused("not_an_object", "a record is a JSON object")
    return given


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_names(given: Mapping[str, Any]) -> None:
    missing = [name for name in REQUIRED if given.get(name) in (None, "") and name != "message"]
    missing += [] if "message" in given else ["message"]
    if missing:
        raise Refused("missing_field", f"{', '.join(missing)}: missing")
    unknown = [name for name in given if name not in KNOWN]
    if unknown:
        raise Refused("unknown_field", f"{', '.join(unknown)[:MAX_NAME]}: unknown")


def _text(value: Any, name: str, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused("invalid_field", f"{name}: a text")
    if len(value) > longest:
        raise Refused("too_long", f"{name}: at most {longest} characters")
    return _storable(value)


def _storable(text: str) -> str:
    """Replace what no database takes: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _level(value: Any) -> int:
    number = NUMBERS.get(value.lower()) if isinstance(value, str) else None
    if number is None:
        raise Refused("invalid_field", f"level: one of {', '.join(NUMBERS)}")
    return number


def _time(value: Any, now: datetime) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Refused("invalid_field", "time: RFC 3339 with an offset") from error
    if moment.tzinfo is None:
        raise Refused("invalid_field", "time: RFC 3339 with an offset")
    if not OLDEST <= moment <= now + MAX_AHEAD:
        raise Refused("time_out_of_range", f"time: {value} is before 2000 or in the future")
    return microseconds(moment)


def _attributes(value: Any) -> str:
    if value is not None and not isinstance(value, Mapping):
        raise Refused("invalid_field", "attributes: an object")
    try:
        text = _dump(value or {})
    except ValueError as error:
        raise Refused("invalid_field", "attributes: a number is not finite") from error
    if len(text) > MAX_ATTRIBUTES:
        raise Refused("too_long", f"attributes: at most {MAX_ATTRIBUTES} characters as JSON")
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise Refused("too_deep", f"attributes: at most {MAX_DEPTH} levels")
    return _storable(_dump(_without_nul(value)) if "\\u0000" in text else text)


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(levels == 0 or _is_deeper(item, levels - 1) for item in inner)


def _without_nul(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return _storable(value) if isinstance(value, str) else value


_dump: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
