"""Logs over the bridge: any service writes as itself, Admin reads."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from libs.identity.principal import Call
from libs.webapi.access import Access, Service
from libs.webapi.serializers import DEFAULT_LIMIT
from libs.webapi.views import View
from logger_svc.records import intake, selectors, services
from logger_svc.records.api import serializers as shapes
from logger_svc.records.api.parsers import NdjsonParser
from logger_svc.records.models import EPOCH, Batch

READERS = Service("admin")
WRITERS = Service("*")
TAIL_LIMIT = 500


class WritersAndReaders(Access):
    """Any service may write, Admin may read."""

    def check(self, call: Call, method: str) -> None:
        """Ask the half that `method` belongs to."""
        (READERS if method in SAFE_METHODS else WRITERS).check(call, method)


class Logs(View):
    """All records."""

    access = WritersAndReaders()
    parser_classes = (NdjsonParser,)
    Params = shapes.LogQuery

    def post(self, request: Request) -> Response:
        """Store a batch: 200 when all of it is committed, 207 where records were refused."""
        service = self.caller.service
        key = shapes.batch_key(request.headers.get("X-Batch", ""), service)
        taken = intake.read(self._lines(request), service=service, now=datetime.now(UTC))
        services.quota_take(service=service, count=len(taken.records))
        stored = services.batch_store(batch=Batch(taken.records, key))
        answer = {"accepted": len(taken.records), "refused": taken.refused, "duplicate": not stored}
        return Response(answer, status=207 if taken.refused else 200)

    @staticmethod
    def _lines(request: Request) -> bytes:
        body: Any = request.data
        return bytes(body.get("ndjson", b""))

    def get(self, request: Request) -> Response:
        """Find records, the newest first."""
        params = self.params()
        records, place = selectors.records_search(
            filters=shapes.filters_of(params),
            limit=params.get("limit", DEFAULT_LIMIT),
            after=shapes.page_place(params.get("cursor")),
        )
        cursor = shapes.page_cursor(place)
        query = urlencode({**request.query_params.dict(), "cursor": cursor})
        headers = {"Link": f'<{request.path}?{query}>; rel="next"'} if cursor else {}
        return Response({"items": [record.as_json() for record in records], "next_cursor": cursor}, headers=headers)


class LogTail(View):
    """What is committed after a cursor; the caller polls."""

    access = READERS
    Params = shapes.TailQuery

    def get(self, request: Request) -> Response:
        """Answer at once: records in the order of their commits, the next cursor, and what can't be seen any more."""
        params = self.params()
        tail = selectors.records_tail(
            filters=shapes.filters_of(params),
            after=shapes.tail_id(params.get("after")),
            limit=params.get("limit", TAIL_LIMIT),
        )
        items = [record.as_json() for record in tail.records]
        return self.ok({"items": items, "cursor": str(tail.cursor), "gaps": tail.gaps})


class LogSources(View):
    """Who has written."""

    access = READERS

    def get(self, request: Request) -> Response:
        """List services and instances with the number of their records that are kept."""
        items = [
            {
                "service": source.service,
                "instance": source.instance,
                "count": source.count,
                "last_at": datetime.fromtimestamp(source.last / 1e6, EPOCH.tzinfo).isoformat(),
            }
            for source in selectors.log_sources()
        ]
        return self.ok({"items": items})
