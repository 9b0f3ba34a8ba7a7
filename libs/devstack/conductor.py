"""Starts the stages in order and tells of it: broker, migrations, then service after service until all are healthy.

The order is comfort only: every process starts alone and retries. What does not become healthy in time ends the start.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import redis
import requests

from libs.contracts.names import SERVICES
from libs.devstack.control import Control
from libs.devstack.plan import STAGES, Plan, manage
from libs.devstack.summary import summary
from libs.devstack.supervision import FAILED, control_socket
from libs.identity.service_tokens import ServiceSigner, load_private_key

PATIENCE = 60.0
AT_ONCE = 2


class StartFailedError(Exception):
    """Something did not start; the text says what, and where its log is."""


class Conductor:
    """The start of one system."""

    def __init__(self, plan: Plan) -> None:
        """Conduct the processes of `plan`."""
        self.plan = plan
        self.control = Control(control_socket(plan))
        self.begun = time.monotonic()

    def run(self) -> None:
        """Start all stages; StartFailedError where one does not become healthy."""
        if not self.plan.broker_url:
            self.control.start_stage("broker")
            self._until(self._broker_answers, "the broker", "broker")
        self._say("broker")
        self._migrate()
        self._say("databases")
        for stage in STAGES:
            self.control.start_stage(stage)
            self._until(partial(self._stage_is_up, stage), f"stage {stage}", *self._names(stage))
            self._say(", ".join(self._names(stage)))
        print(summary(self.plan, time.monotonic() - self.begun), flush=True)

    def _say(self, what: str) -> None:
        print(f"  {time.monotonic() - self.begun:5.1f} s  {what}", flush=True)

    def _names(self, stage: str) -> list[str]:
        return [process.name for process in self.plan.processes() if process.stage == stage]

    def _until(self, ready: Callable[[], bool], what: str, *names: str) -> None:
        give_up = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > give_up:
                logs = ", ".join(str(self.plan.log_file(name)) for name in names)
                raise StartFailedError(f"{what} did not start within {PATIENCE:.0f} s: see {logs}")
            time.sleep(0.05)

    def _broker_answers(self) -> bool:
        with (
            contextlib.suppress(redis.RedisError),
            redis.Redis.from_url(self.plan.environment("registry")["MT_REDIS_URL"]) as client,
        ):
            return bool(client.ping())
        return False

    def _migrate(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._migrate_service, SERVICES))
        self._manage("admin", "ensure_admin")

    def _migrate_service(self, service: str) -> None:
        self._manage(service, "migrate", "--no-input", "-v0")

    def _manage(self, service: str, *arguments: str) -> None:
        environment = {**os.environ, **self.plan.environment(service)}
        done = subprocess.run(
            manage(service, *arguments), env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        if done.returncode:
            raise StartFailedError(
                f"{service}: manage.py {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}"
            )

    def _stage_is_up(self, stage: str) -> bool:
        states = {info["name"]: info["statename"] for info in self.control.processes()}
        names = self._names(stage)
        if stage == "workers":
            return all(states.get(name) == "RUNNING" for name in names)
        return set(names) <= set(self._healthy(service_of(name) for name in names))

    def _healthy(self, services: Iterator[str]) -> Iterator[str]:
        signer = ServiceSigner("admin", load_private_key(self.plan.keys / "admin.pem"))
        headers = {"Authorization": f"Bearer {signer.cached_token('registry')}"}
        for service in set(services):
            url = f"http://127.0.0.1:{self.plan.ports.registry}/v1/services/{service}/instances"
            try:
                answer = requests.get(url, headers=headers, timeout=2)
            except requests.RequestException:
                continue
            if answer.ok:
                yield from (item["id"] for item in answer.json()["items"] if item["state"] == "up")


def service_of(instance: str) -> str:
    """Give the service of an instance id such as `todo-worker-1`."""
    return instance.partition("-")[0]


def main() -> int:
    """Start everything; where that fails, say why and stop what runs."""
    plan = Plan.from_environment()
    conductor = Conductor(plan)
    try:
        conductor.run()
    except StartFailedError as error:
        print(f"make up: {error}", file=sys.stderr, flush=True)
        Path(plan.home / "run" / FAILED).touch()
        conductor.control.shutdown()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
