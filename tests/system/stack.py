"""A whole system for tests: what `make up` starts, with its own folder, broker and free ports.

`MT_TEST_POSTGRES_URL`, `MT_TEST_BROKER_URL` and `MT_TEST_REDIS_URL` put the same processes on PostgreSQL, RabbitMQ and
Redis in place of the embedded parts.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from libs.devstack.control import Control
from libs.devstack.plan import ROOT, Plan, Ports, manage
from libs.devstack.supervision import control_socket
from libs.identity.service_tokens import ServiceSigner, load_private_key
from libs.testing.ports import free_ports

#: Tests are one person on one machine, whatever the parts: with those limits that embedded systems have.
RATES = {
    "MT_GATEWAY_RATE_USER": "600000/minute",
    "MT_GATEWAY_RATE_TOKEN": "off",
    "MT_GATEWAY_RATE_ADDRESS": "600000/minute",
}

READY_WITHIN = 90
STOPPED_WITHIN = 60


def eventually(look, *, within=10.0, every=0.05, what="the condition"):
    """Ask `look` until it gives something true, and give that; AssertionError when the time is over."""
    give_up = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < give_up, f"{what} did not hold within {within} s (last: {found!r})"
        time.sleep(every)


def external_parts():
    """Give what MT_TEST_POSTGRES_URL, MT_TEST_BROKER_URL and MT_TEST_REDIS_URL say, as `make up` reads it."""
    names = {
        name: f"MT_TEST_{name.removeprefix('MT_')}" for name in ("MT_POSTGRES_URL", "MT_BROKER_URL", "MT_REDIS_URL")
    }
    return {name: os.environ[given] for name, given in names.items() if os.environ.get(given)}


class Stack:
    """All services, running. Use as a context manager.

    `embedded` leaves the external parts out even where there are some. Systems that share external databases one after
    the other need the same `keys`, a folder to copy: Auth has sealed its own keys with its secret.
    """

    def __init__(self, *, scale="", home=None, environment=None, embedded=False, keys=None):
        self.home = Path(home or tempfile.mkdtemp(prefix="mts-"))
        self.ports = Ports(*free_ports(4))
        self.scale = scale
        self.extra = RATES | (environment or {})
        self.external = {} if embedded else external_parts()
        if keys and self.distributed:
            shutil.copytree(keys, self.plan.keys, dirs_exist_ok=True)
        self.process = self.control = None
        self.gateway_url = f"http://127.0.0.1:{self.ports.gateway}"
        self.registry_url = f"http://127.0.0.1:{self.ports.registry}"
        self.registry_grpc = f"127.0.0.1:{self.ports.registry_grpc}"
        self.admin_url = f"http://127.0.0.1:{self.ports.admin}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    # -- its life ----------------------------------------------------------------------------------------------

    @property
    def environment(self):
        variables = {key: value for key, value in os.environ.items() if not key.startswith(("MT_", "DJANGO_"))}
        variables |= {
            "MT_HOME": str(self.home),
            "SCALE": self.scale,
            **{f"MT_{name.upper()}_PORT": str(getattr(self.ports, name)) for name in Ports.__dataclass_fields__},
        }
        return variables | self.external | self.extra

    @property
    def distributed(self):
        return bool(self.external)

    @property
    def plan(self):
        return Plan.from_environment(self.environment)

    def launch(self):
        """Run what `make up` runs."""
        self.output = self.home / "up.log"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "libs.devstack", "up"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self):
        """Launch it, and wait until it says that it is ready."""
        self.launch()
        try:
            eventually(self._ready, within=READY_WITHIN, what=f"make up (its output: {self.output})")
        except BaseException:
            self.process.kill()
            raise
        self.control = Control(control_socket(self.plan))

    def _ready(self):
        text = self.output.read_text()
        assert self.process.poll() is None, text
        return "Micro TODO is ready" in text

    def stop(self, number=signal.SIGTERM):
        """Stop with a signal; give the exit code, and leave in `orphans` who did not end."""
        if self.process is None or self.process.poll() is not None:
            return None
        pids = self.pids()
        if self.control is not None:
            self.control.close()
        self.process.send_signal(number)
        code = self.process.wait(STOPPED_WITHIN)
        self.orphans = [pid for pid in pids if is_alive(pid)]
        for pid in self.orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return code

    def kill_supervisor(self):
        """End the supervisor by SIGKILL."""
        self.control.close()
        self.process.kill()
        self.process.wait()

    # -- its processes -----------------------------------------------------------------------------------------

    def processes(self):
        return {info["name"]: info for info in self.control.processes()}

    def pids(self):
        """All processes: the supervisor, what it runs, and what those have started."""
        return with_descendants([self.process.pid])

    def pid_of(self, name):
        return self.processes()[name]["pid"]

    def kill(self, name, number=signal.SIGKILL):
        """Send a signal to a process and give its pid; supervisord starts a killed one again."""
        pid = self.pid_of(name)
        os.kill(pid, number)
        return pid

    def stop_process(self, name):
        """Stop a process for good, until `start_process`."""
        info = self.processes()[name]
        self.control._proxy.supervisor.stopProcess(f"{info['group']}:{name}")

    def start_process(self, name):
        info = self.processes()[name]
        self.control._proxy.supervisor.startProcess(f"{info['group']}:{name}")

    def logs(self, name):
        return (self.home / "log" / f"{name}.log").read_text()

    def manage(self, service, *arguments, check=True):
        """Run a management command of a service against this system and give what it prints."""
        environment = {**self.environment, **self.plan.environment(service), **self.extra}
        done = subprocess.run(
            manage(service, *arguments), env=environment, capture_output=True, text=True, check=False, timeout=30
        )
        if check:
            assert done.returncode == 0, done.stderr
            return done.stdout
        return done

    # -- its identity ------------------------------------------------------------------------------------------

    def signer(self, service):
        return ServiceSigner(service, load_private_key(self.plan.keys / f"{service}.pem"))

    def token(self, service="admin", aud="registry"):
        return self.signer(service).token(aud)

    @property
    def admin_password(self):
        return (self.plan.keys / "admin.password").read_text().strip()

    # -- its Registry ------------------------------------------------------------------------------------------

    def instances(self, service):
        answer = requests.get(
            f"{self.registry_url}/v1/services/{service}/instances",
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=5,
        )
        answer.raise_for_status()
        return answer.json()["items"]

    def is_up(self, name):
        service = name.partition("-")[0]
        with contextlib.suppress(requests.RequestException):
            return any(item["id"] == name and item["state"] == "up" for item in self.instances(service))
        return False

    def wait_up(self, *names, within=30):
        for name in names:
            eventually(lambda name=name: self.is_up(name), within=within, what=f"{name} is up")


def with_descendants(pids):
    """Give processes and all that they have started."""
    found = []
    for pid in pids:
        found.append(pid)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += with_descendants(map(int, (task / "children").read_text().split()))
    return found


def is_alive(pid):
    """Tell whether a process runs (one that ended but was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
