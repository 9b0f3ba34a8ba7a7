import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from libs.devstack import leash
from libs.devstack.plan import Plan
from libs.devstack.supervision import config
from tests.system.stack import eventually, is_alive


def test_the_configuration_has_a_program_per_process_and_a_group_per_stage(tmp_path):
    plan = Plan.from_environment({"MT_HOME": str(tmp_path / "100%"), "SCALE": "todo=2"})
    parsed = RawConfigParser()

    parsed.read_string(config(plan, list(plan.processes())))

    assert parsed["group:todo"]["programs"] == "todo-1,todo-2"
    assert int(parsed["group:registry"]["priority"]) < int(parsed["group:workers"]["priority"])
    assert 'MT_INSTANCE="todo-2"' in parsed["program:todo-2"]["environment"]
    assert "100%%" in parsed["program:todo-2"]["stdout_logfile"]
    assert parsed["program:todo-2"]["autorestart"] == "true"


SLEEPER = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"


def pid_in(file):
    return int(eventually(lambda: file.exists() and file.read_text(), what="the sleeper"))


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_the_program_takes_the_place_of_the_leash_and_dies_with_its_supervisor(tmp_path):
    command = [sys.executable, "-IS", leash.__file__, sys.executable, "-c", SLEEPER, str(tmp_path / "pid")]
    code = f"import subprocess; child = subprocess.Popen({command!r}); print(child.pid, flush=True); child.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as supervisor:
        pid = pid_in(tmp_path / "pid")
        assert pid == int(supervisor.stdout.readline())

        supervisor.kill()

    eventually(lambda: not is_alive(pid), what="the end of the program")


def watched(tmp_path):
    """Run a sleeper beside the leash, as where there is no prctl; give the leash and the sleeper's pid."""
    command = [sys.executable, "-c", SLEEPER, str(tmp_path / "pid")]
    code = f"import sys; from libs.devstack.leash import watch; sys.exit(watch({command!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    return process, pid_in(tmp_path / "pid")


def test_elsewhere_the_leash_ends_its_program_when_the_supervisor_dies(tmp_path):
    process, pid = watched(tmp_path)

    process.stdin.close()

    process.wait(10)
    assert not is_alive(pid)


def test_elsewhere_the_leash_passes_a_stop_on(tmp_path):
    process, pid = watched(tmp_path)

    process.terminate()
    process.wait(10)

    assert not is_alive(pid)
    process.stdin.close()


def test_the_leash_needs_nothing_but_the_standard_library():
    assert "libs" not in Path(leash.__file__).read_text().split("import", 1)[1].split("def main")[0]
