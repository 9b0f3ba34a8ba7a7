"""configure(): both kinds of loggers end in the same JSON lines."""

import asyncio
import json
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from libs.telemetry import configure, context
from libs.telemetry.outlet import Current, Series, StdlibHandler, mark_shipping, outlet

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(capfd: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Configure at INFO, give what was written, and put everything back."""
    before = (structlog.get_config(), logging.root.handlers[:], logging.root.level, threading.excepthook)
    configure("todo", "todo-1", "INFO")
    yield lambda: [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    structlog.configure(**before[0])
    logging.root.handlers[:], threading.excepthook = before[1], before[3]
    logging.root.setLevel(before[2])
    logging.captureWarnings(capture=False)
    Current.outlet = None


def test_structlog_writes_lines_with_attributes_and_context(written: Written) -> None:
    log = structlog.get_logger("a.b")
    with context.bound(request_id="r1", user_id="u1"):
        log.info("task created", task_id="t1", user_id="u2")
    (record,) = written()
    assert (record["logger"], record["level"], record["message"]) == ("a.b", "info", "task created")
    assert (record["request_id"], record["user_id"]) == ("r1", "u2")
    assert record["attributes"] == {"task_id": "t1"}


def test_the_standard_library_writes_the_same(written: Written) -> None:
    logging.getLogger("x").warning("%s of %d", "one", 2, extra={"request_id": "r1", "colour": "red"})
    (record,) = written()
    assert (record["message"], record["request_id"], record["attributes"]) == ("one of 2", "r1", {"colour": "red"})


def test_arguments_that_do_not_fit_are_written_all_the_same(written: Written) -> None:
    StdlibHandler().handle(logging.makeLogRecord({"msg": "%d of %d", "args": ("one",), "name": "x", "levelno": 40}))
    assert "one" in written()[0]["message"]


@pytest.mark.parametrize("get_logger", [logging.getLogger, structlog.get_logger])
def test_exceptions_are_described(written: Written, get_logger: Callable[[str], Any]) -> None:
    try:
        {}["gone"]
    except KeyError:
        get_logger("x").exception("it failed")
    (record,) = written()
    assert record["level"] == "error"
    assert record["attributes"]["exception.type"] == "KeyError"


def test_what_is_below_the_level_is_not_written(written: Written) -> None:
    structlog.get_logger("x").debug("quiet")
    logging.getLogger("x").debug("quiet")
    logging.getLogger("django.request").warning("Not Found: /x")
    assert written() == []


def test_warnings_and_dying_threads_are_records(written: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old ways", stacklevel=1)
    thread = threading.Thread(target=lambda: 1 / 0, name="doomed")
    thread.start()
    thread.join()
    warning, death = written()
    assert "old ways" in warning["message"]
    assert (death["message"], death["attributes"]["thread"]) == ("a thread died", "doomed")
    assert death["attributes"]["exception.type"] == "ZeroDivisionError"


async def test_asyncio_loggers_keep_their_context(written: Written) -> None:
    with context.bound(request_id="r1"):
        await structlog.get_logger("x").ainfo("from a task")
    assert written()[0]["request_id"] == "r1"


def test_only_what_is_not_about_shipping_is_shipped(written: Written) -> None:
    shipped: list[tuple[bytes, bool]] = []
    outlet().put = lambda line, debug: shipped.append((line, debug))
    structlog.get_logger("a").info("yes")
    structlog.get_logger("libs.telemetry.courier").warning("no: about itself")

    def courier() -> None:
        mark_shipping()
        logging.getLogger("grpc").warning("no: caused by shipping")

    thread = threading.Thread(target=courier)
    thread.start()
    thread.join()
    assert [record["message"] for record in written()] == ["yes", "no: about itself", "no: caused by shipping"]
    assert [(json.loads(line)["message"], debug) for line, debug in shipped] == [("yes", False)]


def test_a_level_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        configure("todo", "todo-1", "LOUD")


async def test_records_of_one_turn_of_the_loop_are_one_write(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped: list[bytes] = []
    outlet().put = lambda line, debug: shipped.append(line)
    writes: list[bytes] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: writes.append(text) or write(file, text))
    series = Series(logging.INFO, "gateway.access", "request")
    for number in range(3):
        series.add({"number": number, "request_id": f"r{number}"})
    assert not [text for text in writes if b"number" in text]

    await asyncio.sleep(0)

    assert len([text for text in writes if b"number" in text]) == 1
    records = written()
    assert [record["attributes"] for record in records] == [{"number": number} for number in range(3)]
    assert [record["request_id"] for record in records] == ["r0", "r1", "r2"]
    assert [json.loads(line) for line in shipped] == records


async def test_records_below_the_level_are_not_written(written: Written) -> None:
    Series(logging.DEBUG, "gateway.access", "request").add({"number": 1})
    await asyncio.sleep(0)
    assert written() == []
