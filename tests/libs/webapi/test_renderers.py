"""What orjson does not take is written all the same, and what JSON lacks as DRF writes it."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from rest_framework.renderers import JSONRenderer as DrfRenderer

from libs.webapi.renderers import JSONRenderer, plain

ODD = UUID("01a20dad-24f0-734d-a43d-9be332b48a21")


@pytest.mark.parametrize(
    "value",
    [
        {"text": "Äpfel \u20ac \U0001f34e", "none": None, "yes": True, "number": 1.5, "list": [1, [2]], "empty": {}},
        {"huge": 2**70, "small": -(2**70)},
        {1: "a number for a name"},
        [
            datetime(2026, 11, 23, 9, tzinfo=UTC),
            datetime(2026, 11, 23, 9, 0, 0, 120, tzinfo=timezone(timedelta(hours=1))),
        ],
        [date(2026, 11, 23), timedelta(seconds=90), Decimal("1.10"), ODD, (1, 2), {3}],
    ],
)
def test_answers_are_those_of_drf(value: Any) -> None:
    assert JSONRenderer().render(value) == DrfRenderer().render(value)


def test_nothing_is_no_body() -> None:
    assert JSONRenderer().render(None) == b""


def test_a_line_separator_is_written_as_it_is() -> None:
    assert json.loads(JSONRenderer().render("\u2028")) == "\u2028"


def test_plain_gives_what_a_client_would_read() -> None:
    assert plain({"at": datetime(2026, 11, 23, tzinfo=UTC), "id": ODD}) == {
        "at": "2026-11-23T00:00:00Z",
        "id": str(ODD),
    }
