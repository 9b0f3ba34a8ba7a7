"""Writes batches the way services do."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

from libs.testing.client import CallingClient


def a_record(**given: Any) -> dict[str, Any]:
    """A record on the wire."""
    return {
        "time": datetime.now(UTC).isoformat(),
        "service": "todo",
        "instance": "todo-1",
        "level": "info",
        "logger": "todo_svc.todos",
        "message": "task created",
        **given,
    }


def ndjson(*records: dict[str, Any]) -> bytes:
    """A body of records."""
    return b"\n".join(json.dumps(record).encode() for record in records)


def post(client: CallingClient, *records: dict[str, Any], batch: str = "", **headers: str) -> Any:
    """Post records, gzip-compressed; each is given by what differs from the usual."""
    return post_bytes(client, gzip.compress(ndjson(*(a_record(**r) for r in records))), batch=batch, encoding="gzip")


def post_bytes(client: CallingClient, body: bytes, *, batch: str = "", encoding: str = "") -> Any:
    """Post a body as it is."""
    headers = {"Content-Type": "application/x-ndjson"}
    headers |= {"Content-Encoding": encoding} if encoding else {}
    headers |= {"X-Batch": batch} if batch else {}
    return client.request("POST", "/v1/logs", data=body, headers=headers)
