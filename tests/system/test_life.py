"""How the system starts and stops: what `make up` promises, each time with a system of its own."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from libs.devstack.plan import ROOT
from tests.system.inside import Library
from tests.system.stack import Stack, eventually, is_alive
from tests.system.users import Person


@pytest.fixture
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("mts")


@pytest.fixture
def own(home, keys):
    """A system that the test starts; it is stopped where the test fails to."""
    own = Stack(home=home, keys=keys)
    yield own
    own.stop()


def run_up(own, **variables):
    """Run `make up` of a stack with other variables, until it ends by itself; give (exit code, its output)."""
    done = subprocess.run(
        [sys.executable, "-m", "libs.devstack", "up"],
        cwd=ROOT,
        env={**own.environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def test_the_system_stops_cleanly_keeps_its_data_and_dies_with_its_supervisor(own):
    # It starts, and tells where everything is and what to try next.
    own.start()
    table = own.output.read_text()
    for told in (own.gateway_url, own.registry_url, own.admin_url, "admin.password", "make demo"):
        assert told in table
    ada = Person(own.gateway_url, "Ada").sign_up()
    task = ada.make_task(ada.inbox()["id"], "Milk")
    request_id = ada.get("/v1/lists").headers["X-Request-ID"]

    # A second start on the same ports says which process holds them.
    code, output = run_up(own, MT_HOME=str(own.home / "other"))
    assert code == 1
    assert len(output.splitlines()) == 1
    holder = own.pid_of("gateway-1")
    assert f"port {own.ports.gateway}" in output
    assert f"process {holder} " in output
    assert "MT_GATEWAY_PORT" in output

    # SIGTERM ends it: drained, without an orphan, exit code 0.
    assert own.stop(signal.SIGTERM) == 0
    assert own.orphans == []
    assert_each_ended_by_itself(own)

    # The next start on the same home has all data, keys and passwords.
    password = own.admin_password
    own.start()
    assert own.admin_password == password
    ada.log_in()
    assert ada.get(f"/v1/tasks/{task['id']}").json() == task
    assert len([each for each in ada.lists() if each["is_inbox"]]) == 1
    Library(own).wait_for(service="gateway", request_id=request_id)

    # Even kill -9 of the supervisor leaves nobody behind.
    pids = own.pids()
    own.kill_supervisor()
    # Parts give up on a broker and a registry that have gone after five seconds each.
    assert left_after(30, pids) == []


def left_after(seconds, pids):
    """Wait until none of these processes is left, and give the command lines of those that are after all."""
    give_up = time.monotonic() + seconds
    while (left := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < give_up:
        time.sleep(0.05)
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in left if is_alive(pid)]


def assert_each_ended_by_itself(own):
    """Check in the supervisor's log that no process had to be killed or ended with an error."""
    log = (own.home / "log" / "supervisord.log").read_text()
    stopped = [line for line in log.splitlines() if " stopped: " in line]
    assert stopped
    assert [line for line in stopped if "exit status 0" not in line] == []


def test_ctrl_c_during_the_start_ends_everything(own):
    own.launch()
    eventually(lambda: "databases" in own.output.read_text(), within=60, what="the start is under way")
    pids = own.pids()
    own.process.send_signal(signal.SIGINT)
    assert own.process.wait(60) == 0
    assert [pid for pid in pids if is_alive(pid)] == []


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SCALE", "registry=2", "one registry is all that can run embedded"),
        ("SCALE", "todo=two", "'todo=two'"),
        ("SCALE", "todo=0", "'todo=0'"),
        ("SCALE", "billing=2", "'billing=2'"),
        ("MT_GATEWAY_PORT", "http", "MT_GATEWAY_PORT"),
        ("MT_ADMIN_PORT", "70000", "MT_ADMIN_PORT"),
    ],
)
def test_make_up_refuses_a_wrong_setting_with_one_line(own, variable, value, told):
    code, output = run_up(own, **{variable: value})
    assert code == 1
    assert len(output.splitlines()) == 1
    assert variable in output
    assert told in output
    assert not (own.home / "run").exists()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A home with keys and one migrated database, in which nothing runs."""
    own = Stack(home=tmp_path_factory.mktemp("mts"), embedded=True)
    subprocess.run([sys.executable, "-m", "libs.devstack", "secrets"], cwd=ROOT, env=own.environment, check=True)
    own.manage("todo", "migrate", "-v0")
    return own


def serve(own, service="todo", **variables):
    """Run `serve` with variables that are wrong, and give the one line with which it ends."""
    own.extra = variables
    done = own.manage(service, "serve", check=False)
    own.extra = {}
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout
    return lines[0]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MT_LOG_LEVEL", "LOUD"),
        ("MT_SECRET_KEY", "short"),
        ("MT_SECRET_KEY_FILE", "/nowhere/secret"),
        ("MT_HTTP_PORT", "http"),
        ("MT_HTTP_PORT", "70000"),
        ("MT_REGISTRY_ADDRESSES", "registry"),
        ("MT_REGISTRY_URLS", "registry:8081"),
        ("MT_DATABASE_URL", "mysql://todo"),
        ("MT_BROKER_URL", "carrier-pigeon://loft"),
        ("MT_DRAIN_SECONDS", "soon"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(prepared, variable, value):
    assert variable in serve(prepared, **{variable: value})


def test_a_start_without_keys_or_migrations_says_so_in_one_line(prepared):
    assert "migrations are missing" in serve(prepared, "auth")
    assert "services.json" in serve(prepared, MT_KEYS_DIR="/nowhere")


def test_a_taken_port_is_named(prepared):
    with taken_port() as port:
        line = serve(prepared, MT_HTTP_PORT=str(port))
    assert "MT_HTTP_PORT" in line
    assert str(port) in line


@contextmanager
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]
