"""The memory of the running system: the sum of PSS, which counts a shared page once (Linux)."""

from pathlib import Path

from libs.devstack.control import Control
from libs.devstack.plan import Plan
from libs.devstack.supervision import control_socket
from libs.service.env import ConfigurationError


def report(plan: Plan) -> str:
    """Give one line per process and their sum, in MiB; ConfigurationError where nothing runs."""
    if not control_socket(plan).exists():
        raise ConfigurationError("nothing runs here: `make up` starts it")
    pids = {info["name"]: info["pid"] for info in Control(control_socket(plan)).processes() if info["pid"]}
    pids["supervisord"] = int((plan.home / "run" / "supervisord.pid").read_text())
    sizes = {name: sum(pss(child) for child in [pid, *children(pid, set(pids.values()))]) for name, pid in pids.items()}
    lines = [f"  {size:7.1f}  {name}" for name, size in sorted(sizes.items(), key=lambda item: -item[1])]
    return "\n".join([*lines, f"  {sum(sizes.values()):7.1f}  MiB in all"])


def pss(pid: int) -> float:
    """Give the proportional set size of a process in MiB; 0 where it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def children(pid: int, known: set[int]) -> list[int]:
    """List the descendants of a process that are not supervised themselves."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            if child not in known:
                found += [child, *children(child, known)]
    return found
