"""Shipping end to end: a Logger that is away, slow or unwilling, and processes that die."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import structlog

from libs.contracts.errors import BadRequest, TooManyRequests, Unavailable
from libs.telemetry.batch import Batch
from libs.telemetry.courier import WORTH_A_LINE
from libs.telemetry.pace import Pace
from libs.telemetry.shipper import Shipper
from tests.libs.telemetry.conftest import Ship
from tests.libs.telemetry.helpers import Logger, line, unpack, until


def log(shipper: Shipper, *messages: str, debug: bool = False) -> None:
    for message in messages:
        shipper.put(line(message), debug)


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"m{number}" for number in range(start, start + count)]


def segments(folder: Path) -> list[Path]:
    return list(folder.rglob("*.seg"))


def test_records_arrive_in_order_and_nothing_touches_the_disk(ship: Ship, logger: Logger, tmp_path: Path) -> None:
    shipper = ship()
    log(shipper, *numbered(1_200))
    until(lambda: len(logger.messages) == 1_200)
    assert logger.messages == numbered(1_200)
    assert [batch.sequence for batch in logger.batches] == list(range(1, len(logger.batches) + 1))
    assert max(batch.count for batch in logger.batches) <= 500
    assert segments(tmp_path) == []


def test_a_logger_that_is_away_for_a_while_misses_nothing(ship: Ship, logger: Logger, tmp_path: Path) -> None:
    logger.error = Unavailable("away")
    shipper = ship()
    for part in range(20):
        log(shipper, *numbered(50, start=part * 50))
        calls = logger.calls
        until(lambda calls=calls: logger.calls > calls)
    until(lambda: not len(shipper.queue))
    assert segments(tmp_path)
    logger.error = None
    until(lambda: len(logger.messages) == 1_000)
    assert logger.messages == numbered(1_000)
    assert set(logger.keys.values()) == {1}
    until(lambda: not segments(tmp_path))
    log(shipper, "after")
    until(lambda: logger.messages[-1] == "after")


@pytest.mark.parametrize(("failures", "lines"), [(WORTH_A_LINE - 1, 0), (WORTH_A_LINE + 2, 2)])
def test_only_a_logger_that_stays_away_is_worth_a_warning(
    ship: Ship, logger: Logger, failures: int, lines: int
) -> None:
    answers = iter([Unavailable("away")] * failures)

    def sink(batch: Batch) -> None:
        for error in answers:
            raise error
        logger(batch)

    with structlog.testing.capture_logs() as logs:
        log(ship(sink), "m0")
        until(lambda: logger.messages == ["m0"])
    assert len([each for each in logs if each["log_level"] == "warning"]) == lines


def test_a_batch_whose_answer_was_lost_has_the_same_id_when_it_comes_again(ship: Ship, logger: Logger) -> None:
    answers = iter([ConnectionError("the answer was lost")])

    def sink(batch: object) -> None:
        logger(batch)  # type: ignore[arg-type]
        for error in answers:
            raise error

    log(ship(sink), "once")
    until(lambda: logger.keys.total() == 2)
    assert logger.messages == ["once"]


def test_a_slow_logger_holds_up_nobody_and_what_it_holds_is_on_disk(ship: Ship, logger: Logger, tmp_path: Path) -> None:
    logger.gate.clear()
    shipper = ship()
    log(shipper, "first")
    until(lambda: logger.calls == 1)
    log(shipper, *numbered(2_000))
    until(lambda: not len(shipper.queue) and segments(tmp_path))
    logger.gate.set()
    until(lambda: len(logger.messages) == 2_001)
    assert sorted(logger.messages) == sorted(["first", *numbered(2_000)])


def test_a_refused_batch_is_counted_and_does_not_block_the_next(ship: Ship, logger: Logger) -> None:
    logger.error = BadRequest("no")
    shipper = ship()
    log(shipper, *numbered(3))
    until(lambda: shipper.losses)
    logger.error = None
    log(shipper, "good")
    until(lambda: "good" in logger.messages)
    report = next(r for batch in logger.batches for r in unpack(batch) if r["message"] == "log.dropped")
    assert report["attributes"] == {"count": 3, "reasons": {"refused": 3}}
    assert (report["service"], report["level"]) == ("todo", "warning")


def test_a_full_queue_is_reported_exactly(ship: Ship, logger: Logger) -> None:
    shipper = ship(pace=Pace(linger=0.01))
    for _number in range(3):
        shipper.losses.add("queue_full", 1)
    log(shipper, "x")
    until(lambda: "log.dropped" in logger.messages)
    assert unpack(logger.batches[0])[1]["attributes"] == {"count": 3, "reasons": {"queue_full": 3}}
    assert logger.batches[0].reports == 3


def test_a_pause_that_logger_asked_for_is_kept_and_can_be_ended(ship: Ship, logger: Logger) -> None:
    logger.error = TooManyRequests(retry_after=60)
    shipper = ship()
    log(shipper, "x")
    until(lambda: logger.calls == 1)
    logger.error = None
    log(shipper, "y")
    until(lambda: not len(shipper.queue))
    assert logger.messages == []
    shipper.wake()
    until(lambda: logger.messages == ["x", "y"])


def test_stop_delivers_what_waits(ship: Ship, logger: Logger, tmp_path: Path) -> None:
    shipper = ship(pace=Pace())
    log(shipper, *numbered(1_600))
    shipper.stop(timeout=10)
    assert logger.messages == numbered(1_600)
    assert segments(tmp_path) == []
    log(shipper, "too late")
    shipper.stop(timeout=10)
    assert len(logger.messages) == 1_600


def test_stop_leaves_on_disk_what_it_cannot_deliver_and_the_next_process_does(
    ship: Ship, logger: Logger, tmp_path: Path
) -> None:
    logger.error = Unavailable("away")
    shipper = ship(pace=Pace())
    log(shipper, *numbered(700))
    shipper.stop(timeout=5)
    assert segments(tmp_path)
    logger.error = None
    ship()
    until(lambda: len(logger.messages) == 700)
    assert logger.messages == numbered(700)


def test_stop_does_not_wait_for_a_sink_that_hangs(ship: Ship, logger: Logger, tmp_path: Path) -> None:
    logger.gate.clear()
    shipper = ship(pace=Pace(linger=0.01))
    log(shipper, "x")
    until(lambda: logger.calls == 1)
    shipper.stop(timeout=0.05)
    assert segments(tmp_path)
    logger.gate.set()


def test_a_failing_sink_that_logs_does_not_feed_itself(ship: Ship, logger: Logger) -> None:
    shipper = ship(lambda batch: log(shipper, "from the sink") or logger(batch))
    log(shipper, "x")
    until(lambda: logger.calls >= 1)
    shipper.stop(timeout=5)


def test_a_forked_child_ships_its_own_records_and_not_those_of_its_parent(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_script(
        """
        import os
        log.info("from the parent")
        pid = os.fork()
        if pid == 0:
            log.info("from the child")
            shipper.stop(10)
            os._exit(0)
        os.waitpid(pid, 0)
        shipper.stop(10)
        """,
        tmp_path / "spill",
        out,
    )
    batches = [json.loads(text) for text in out.read_text().splitlines()]
    assert sorted(batch["messages"] for batch in batches) == [["from the child"], ["from the parent"]]
    assert len({batch["boot"] for batch in batches}) == 2


def test_what_a_killed_process_had_on_disk_is_delivered_by_another(ship: Ship, logger: Logger, tmp_path: Path) -> None:
    script = """
        for number in range(100):
            log.info(f"m{number}")
        while shipper.spool.is_empty or len(shipper.queue) or shipper.courier.is_busy:
            threading.Event().wait(0.01)
        print("ON DISK", flush=True)
        threading.Event().wait()
    """
    child = start_script(script, tmp_path, tmp_path / "never")
    assert child.stdout is not None
    until(lambda: b"ON DISK" in child.stdout.readline())
    shipper = ship()
    log(shipper, "mine")
    until(lambda: logger.messages == ["mine"])
    child.send_signal(signal.SIGKILL)
    child.communicate()
    until(lambda: len(logger.messages) == 101)
    assert logger.messages[1:] == numbered(100)
    until(lambda: not segments(tmp_path))


PROLOGUE = """
import gzip, json, os, sys, threading
from pathlib import Path
import structlog
from libs import telemetry
def sink(batch):
    if sys.argv[2].endswith("never"):
        raise ConnectionError("away")
    messages = [json.loads(line)["message"] for line in gzip.decompress(batch.body).splitlines()]
    with open(sys.argv[2], "a") as file:
        file.write(json.dumps({"boot": batch.boot, "messages": messages}) + "\\n")
telemetry.configure("todo", "todo-9", "INFO")
log = structlog.get_logger("script")
shipper = telemetry.ship(sink, Path(sys.argv[1]))
"""


def start_script(script: str, spill: Path, out: Path) -> "subprocess.Popen[bytes]":
    body = "\n".join(text[8:] for text in script.splitlines())
    command = [sys.executable, "-c", PROLOGUE + body, str(spill), str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ)


def run_script(script: str, spill: Path, out: Path) -> None:
    child = start_script(script, spill, out)
    child.communicate(timeout=30)
    assert child.returncode == 0


def test_threads_that_log_all_at_once_lose_nothing(ship: Ship, logger: Logger) -> None:
    shipper = ship()
    threads = [threading.Thread(target=log, args=(shipper, *numbered(500, n * 500))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shipper.stop(timeout=10)
    assert sorted(logger.messages) == sorted(numbered(4_000))
