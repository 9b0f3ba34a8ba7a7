"""A process's own log file: all output is in it, and it does not grow without end."""

import json
import subprocess
import sys
from pathlib import Path

#: Writes numbered records, with a small file, and asks after each whether it is full.
PROGRAM = """
import os, sys
from pathlib import Path
from libs.telemetry import logfile
file = logfile.LogFile(Path(sys.argv[1]), max_bytes=1000, look_every=1)
for number in range(int(sys.argv[2])):
    file.grew(os.write(1, f"{sys.argv[3]} {number:04}\\n".encode()))
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True, timeout=60
    )


def lines(path: Path) -> list[str]:
    """All lines that are kept, the oldest first."""
    files = [*sorted(path.parent.glob(f"{path.name}.*"), reverse=True), path]
    return [line for file in files for line in file.read_text().splitlines()]


def test_all_output_of_the_process_goes_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "todo-1.log"
    path.write_text("of the start\n")
    program = (
        "import os, sys, structlog\n"
        "from libs.telemetry import configure\n"
        "configure('todo', 'todo-1', file=sys.argv[1])\n"
        "structlog.get_logger('x').info('a record')\n"
        "os.system('echo a child >&2')\n"
        "raise SystemExit('the last words')"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, check=False, timeout=60)

    assert (done.stdout, done.stderr) == (b"", b"")
    start, record, child, last = path.read_text().splitlines()
    assert (start, child, last) == ("of the start", "a child", "the last words")
    assert '"message":"a record"' in record


def test_a_full_file_is_moved_away_and_two_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "log"
    run(PROGRAM, str(path), "1000", "a")

    assert {file.name for file in tmp_path.iterdir()} == {"log", "log.1", "log.2"}
    kept = lines(path)
    assert kept == [f"a {number:04}" for number in range(1000 - len(kept), 1000)]
    assert all(file.stat().st_size <= 1010 for file in tmp_path.iterdir())


def test_a_file_that_is_full_at_the_start_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x" * 1000)
    run(PROGRAM, str(path), "1", "a")
    assert (path.read_text(), len((tmp_path / "log.1").read_text())) == ("a 0000\n", 1000)


def test_processes_that_share_a_file_lose_no_line_by_moving_it(tmp_path: Path) -> None:
    """Fork after the file was opened, as a worker does: parent and child then hold the same open file."""
    path = tmp_path / "log"
    forked = PROGRAM.replace("for number", "child = os.fork()\nname = 'child' if child else 'parent'\nfor number")
    forked = forked.replace("{sys.argv[3]}", "{name}") + "if child:\n    os.waitpid(child, 0)\n"
    run(forked, str(path), "90", "-")

    expected = {f"{name} {number:04}" for name in ("parent", "child") for number in range(90)}
    assert set(lines(path)) == expected


def test_a_full_disk_costs_the_lines_of_its_time_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "todo-1.log"
    program = (
        "import resource, sys, structlog\n"
        "from libs.telemetry import configure, metrics\n"
        "configure('todo', 'todo-1', file=sys.argv[1])\n"
        "log = structlog.get_logger('x')\n"
        "for room in (500, resource.RLIM_INFINITY):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))\n"
        "    for number in range(5):\n"
        "        log.info(f'{room} {number}')\n"
        "shown = metrics.render().decode().splitlines()\n"
        "log.info([each for each in shown if each.startswith('mt_log_lines_unwritten_total')][0])\n"
    )
    run(program, str(path))
    written = path.read_text().splitlines()
    whole = [json.loads(line)["message"] for line in written if line.endswith("}")]
    before = [message for message in whole if message.startswith("500 ")]
    assert before == [f"500 {number}" for number in range(len(before))]
    assert 0 < len(before) < 5
    after = whole[len(before) :]
    assert after == [*(f"-1 {number}" for number in range(5)), f"mt_log_lines_unwritten_total {5 - len(before)}.0"]
    assert len(written) == len(whole) + 1, "the line that was cut is on a line of its own"


def test_a_file_that_somebody_deleted_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = PROGRAM.replace("for number", "os.unlink(sys.argv[1])\nfor number")
    run(program, str(path), "2", "a")
    assert path.read_text() == "a 0001\n"
