"""Lines: always valid JSON, whatever was logged, and never too long."""

import json
import sys
from typing import Any

import pytest

from libs.telemetry import lines
from libs.telemetry.lines import Renderer

RENDERER = Renderer("todo", 'todo "1"')


class Broken:
    """Something that can't be written."""

    def __str__(self) -> str:
        raise RuntimeError


def render(
    message: str = "hello",
    attributes: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
    level: int = 20,
) -> Any:
    text = RENDERER.line(1.5, level, "a.b", message, attributes or {}, fields or {})
    assert b"\n" not in text
    return json.loads(text)


def test_a_record_has_the_fields_of_the_contract() -> None:
    assert render("hi", {"n": 1}, {"request_id": "r", "trace_id": "t", "span_id": "s", "user_id": "u"}) == {
        "time": "1970-01-01T00:00:01.500000+00:00",
        "level": "info",
        "service": "todo",
        "instance": 'todo "1"',
        "logger": "a.b",
        "message": "hi",
        "request_id": "r",
        "trace_id": "t",
        "span_id": "s",
        "user_id": "u",
        "attributes": {"n": 1},
    }


def test_what_is_not_known_is_left_out() -> None:
    assert set(render(fields={"request_id": "", "user_id": None, "other": "x"})) == {
        *("time", "level", "service", "instance", "logger", "message")
    }


@pytest.mark.parametrize(
    ("level", "name"), [(0, "debug"), (10, "debug"), (25, "info"), (30, "warning"), (40, "error"), (99, "critical")]
)
def test_levels_in_between_have_the_name_below(level: int, name: str) -> None:
    assert render(level=level)["level"] == name


def test_odd_values_become_text() -> None:
    circle: dict[str, Any] = {"n": 1}
    circle["self"] = circle
    odd = {"path": sys, "nan": float("nan"), "broken": Broken(), (1, 2): "key", "list": (1.5, None), "circle": circle}
    attributes = render(attributes=odd)["attributes"]
    assert attributes["nan"] == "nan"
    assert attributes["broken"] == "<Broken: RuntimeError in __str__>"
    assert attributes["(1, 2)"] == "key"
    assert attributes["list"] == [1.5, None]
    assert attributes["circle"]["n"] == 1


def test_control_characters_and_half_characters_stay_on_their_line() -> None:
    assert render('a\n"b"\x00\udcff')["message"] == 'a\n"b"\x00?'


def test_long_texts_are_cut_and_say_so() -> None:
    record = render("x" * 100_000, {"a": "y" * 100_000}, {"request_id": "r" * 10_000})
    assert record["message"].endswith("… (cut)")
    assert list(record["attributes"]) == ["cut"]
    assert len(json.dumps(record)) < 128 * 1024


def test_an_exception_becomes_attributes_in_opentelemetrys_names() -> None:
    try:
        {}["no such thing"]
    except KeyError as error:
        for given in (True, error, sys.exc_info()):
            found = lines.exc_info(given)
            assert found is not None
            attributes = lines.exception_attributes(found)
    assert attributes["exception.type"] == "KeyError"
    assert attributes["exception.message"] == "'no such thing'"
    assert "test_lines.py" in attributes["exception.stacktrace"]


@pytest.mark.parametrize("given", [None, False, True, (None, None, None)])
def test_no_exception_is_none(given: Any) -> None:
    assert lines.exc_info(given) is None


def test_names_are_cut_to_what_logger_takes_also_in_short_records() -> None:
    record = render(fields={"request_id": "r" * 300, "user_id": 7})

    assert record["request_id"] == "r" * lines.MAX_NAME
    assert record["user_id"] == "7"
    assert len(json.loads(RENDERER.line(1.5, 20, "l" * 300, "m", {}, {}))["logger"]) == lines.MAX_NAME
