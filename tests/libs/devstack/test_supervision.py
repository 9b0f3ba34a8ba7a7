import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

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


def leashed(tmp_path):
    """Run a sleeper on the leash; give the leash and the sleeper's pid."""
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-IS", leash.__file__, sys.executable, "-c", code], stdin=subprocess.PIPE
    )
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    return process, int((tmp_path / "pid").read_text())


def test_the_leash_ends_its_program_when_the_supervisor_dies(tmp_path):
    process, pid = leashed(tmp_path)

    process.stdin.close()

    process.wait(10)
    assert not is_alive(pid)


def test_the_leash_passes_a_stop_on(tmp_path):
    process, pid = leashed(tmp_path)

    process.terminate()
    process.wait(10)

    assert not is_alive(pid)
    process.stdin.close()


def test_the_leash_needs_nothing_but_the_standard_library():
    assert "libs" not in Path(leash.__file__).read_text().split("import", 1)[1].split("def main")[0]
