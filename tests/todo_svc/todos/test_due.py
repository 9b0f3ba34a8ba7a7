"""When a task is due: three forms, and the moment by which it is sorted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.contracts.errors import ValidationFailed
from todo_svc.todos import due

DAY = {"date": "2026-11-23"}
PLACE = {"local": "2026-11-23T09:00:00", "timezone": "Europe/Berlin"}
FLOATING = {"local": "2026-11-23T09:00:00", "floating": True}


@pytest.mark.parametrize("given", [DAY, PLACE, FLOATING, {"local": "2026-11-23T09:00", "timezone": "UTC"}])
def test_each_form_is_kept_as_it_was_given(given: dict[str, Any]) -> None:
    assert due.checked(given) == given


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"date": "2026-02-30"}, "/date", "invalid_date"),
        ({"date": "20261123"}, "/date", "invalid_date"),
        ({"date": "2026-11-23T09:00:00"}, "/date", "invalid_date"),
        ({"date": 20261123}, "/date", "invalid_date"),
        ({"date": "1899-12-31"}, "/date", "invalid_date"),
        ({"date": "٢٠٢٦-11-23"}, "/date", "invalid_date"),
        ({"local": "2026-11-23T09:00:00Z", "timezone": "UTC"}, "/local", "invalid_local"),
        ({"local": "2026-11-23T25:00:00", "timezone": "UTC"}, "/local", "invalid_local"),
        ({"local": "2026-W47-1T09:00", "floating": True}, "/local", "invalid_local"),
        ({"local": "2026-11-23T09:00:00", "timezone": "Mars/Olympus"}, "/timezone", "unknown_timezone"),
        ({"local": "2026-11-23T09:00:00", "timezone": "../../etc/passwd"}, "/timezone", "unknown_timezone"),
        ({"local": "2026-11-23T09:00:00", "timezone": ["UTC"]}, "/timezone", "unknown_timezone"),
        ({"local": "2026-11-23T09:00:00", "floating": False}, "/floating", "not_true"),
        ({"local": "2026-11-23T09:00:00", "floating": 1}, "/floating", "not_true"),
        ({"local": "2026-11-23T09:00:00"}, "/timezone", "required"),
        ({"timezone": "UTC"}, "/local", "required"),
        ({"date": "2026-11-23", "timezone": "UTC"}, "", "invalid_form"),
        ({**PLACE, "floating": True}, "", "invalid_form"),
        ({}, "", "invalid_form"),
        ({"day": "2026-11-23"}, "/day", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        due.checked(given)

    assert [(error.pointer, error.code) for error in caught.value.errors] == [(f"/due{pointer}", code)]


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        (DAY, datetime(2026, 11, 23, tzinfo=UTC)),
        (PLACE, datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (FLOATING, datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ({"local": "2026-07-01T09:00:00", "timezone": "Europe/Berlin"}, datetime(2026, 7, 1, 7, tzinfo=UTC)),
    ],
)
def test_the_moment_is_that_of_the_clocks_there(given: dict[str, Any], moment: datetime) -> None:
    assert due.instant(given) == moment


def test_a_time_that_the_clocks_skip_is_read_as_before_the_change() -> None:
    skipped = {"local": "2026-03-29T02:30:00", "timezone": "Europe/Berlin"}

    assert due.instant(skipped) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_task_without_due_has_no_moment() -> None:
    assert due.checked(None) is None
    assert due.instant(None) is None


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        (PLACE, {"timezone": "Asia/Tokyo"}, {**PLACE, "timezone": "Asia/Tokyo"}),
        (PLACE, {"timezone": None, "floating": True}, FLOATING),
        (PLACE, DAY, DAY),
        (DAY, PLACE, PLACE),
        (FLOATING, PLACE, PLACE),
        (None, DAY, DAY),
        (DAY, None, None),
        (DAY, {}, DAY),
    ],
)
def test_a_patch_merges_and_a_complete_due_of_another_form_replaces(
    before: dict[str, Any] | None, patch: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    assert due.patched(before, patch) == after


def test_a_patch_that_leaves_half_a_due_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        due.patched(PLACE, {"timezone": None})
