"""`manage.py logs` prints what is there and what comes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import islice
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from logger_svc.records.management.commands.logs import following, moment
from logger_svc.records.models import Filters

pytestmark = pytest.mark.django_db(transaction=True)
Wrote = Callable[..., None]


def printed(*args: str, **options: Any) -> list[str]:
    out = StringIO()
    call_command("logs", *args, stdout=out, **options)
    return out.getvalue().splitlines()


def test_the_newest_records_come_in_order_of_time(wrote: Wrote) -> None:
    wrote(
        {"message": "second", "time": "2026-01-01T00:00:02Z", "attributes": {"n": 1}, "request_id": "r1"},
        {"message": "first", "time": "2026-01-01T00:00:01Z"},
        {"message": "zeroth", "time": "2026-01-01T00:00:00Z"},
    )
    assert printed("--limit=2") == [
        "2026-01-01T00:00:01.000 info     todo-1           first",
        "2026-01-01T00:00:02.000 info     todo-1           second n=1 [r1]",
    ]


def test_options_narrow(wrote: Wrote) -> None:
    wrote({"message": "fine"}, {"message": "bad apple", "level": "error"}, {"message": "bad pear", "level": "error"})
    assert len(printed("--level=error", "--q=apple", "--service=todo", "--instance=todo-1", "--since=15m")) == 1
    assert printed("--service=auth") == []


def test_control_characters_are_shown_and_not_obeyed(wrote: Wrote) -> None:
    wrote({"message": "\x1b[2Jgone\nfake line"})
    (line,) = printed()
    assert r"\x1b[2Jgone\nfake line" in line


@pytest.mark.parametrize("options", [["--since=soon"], ["--q=((("]])
def test_a_wrong_option_is_one_clear_line(options: list[str]) -> None:
    with pytest.raises(CommandError):
        printed(*options)


def test_following_waits_only_when_nothing_came_and_misses_nothing(wrote: Wrote) -> None:
    wrote({"message": "before"})
    waits: list[float] = []

    def something_happens(seconds: float) -> None:
        waits.append(seconds)
        wrote({"message": f"after wait {len(waits)}"}, {"message": "quiet", "level": "debug"})

    found = list(islice(following(Filters(level=20), after=1, wait=something_happens), 3))
    assert [record.message for record in found] == ["after wait 1", "after wait 2", "after wait 3"]
    assert len(waits) == 3


def test_a_moment_without_an_offset_is_utc() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert moment("2026-11-22T00:00:00") == now - timedelta(days=1)
    assert moment("2h", now=lambda: now) == now - timedelta(hours=2)
