"""How soon callers stop using an instance that is gone, and that nobody is taken for gone by mistake."""

import contextlib
import os
import signal
import threading
import time

import pytest
import requests

from libs.discovery import NoInstance, RegistryDirectory
from tests.system.inside import Insider
from tests.system.stack import eventually
from tests.system.traffic import Traffic

LEASE = 3.0
EVERYBODY = ("registry-1", "logger-1", "auth-1", "events-1", "todo-1", "todo-2", "gateway-1", "admin-1")


class Picker:
    """A caller with a snapshot of its own that chooses an instance of TODO every millisecond."""

    def __init__(self, stack):
        self.directory = RegistryDirectory([stack.registry_grpc], stack.signer("gateway"))
        self.last = {}
        self.nobody = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        assert self.directory.wait(5)
        self.thread.start()
        eventually(lambda: len(self.last) == 2, what="both are chosen")
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()
        self.directory.stop()

    def run(self):
        while not self.over.wait(0.001):
            try:
                chosen = self.directory.pick("todo")
                self.last[chosen.id, chosen.incarnation] = time.monotonic()
            except NoInstance:
                self.nobody += 1

    def process(self, name):
        """Name the process that is chosen under an id now."""
        incarnations = {each.id: each.incarnation for each in self.directory.instances("todo")}
        return name, incarnations[name]

    def gone_after(self, process, began):
        """Wait until nobody chooses a process any more; give the seconds from `began` to the last time."""
        last = lambda: max(self.last.get(process, began), began)  # noqa: E731
        eventually(lambda: time.monotonic() - last() > 0.5, within=10, what=f"{process} is left alone")
        return last() - began


@pytest.fixture
def picker(stack):
    stack.wait_up("todo-1", "todo-2")
    with Picker(stack) as picker:
        yield picker


def test_a_killed_instance_is_used_by_nobody_after_a_second(stack, picker):
    for _ in range(5):
        process, began = picker.process("todo-1"), time.monotonic()
        killed = stack.kill("todo-1")
        assert picker.gone_after(process, began) < 1.0
        eventually(
            lambda killed=killed: stack.pid_of("todo-1") not in (0, killed), within=30, what="it is started again"
        )
        stack.wait_up("todo-1")
    assert picker.nobody == 0


def test_an_instance_that_is_cut_off_in_silence_is_used_by_nobody_after_three_seconds(stack, picker):
    for _ in range(2):
        process, began = picker.process("todo-2"), time.monotonic()
        frozen = stack.kill("todo-2", signal.SIGSTOP)
        try:
            assert picker.gone_after(process, began) <= 3.0
        finally:
            os.kill(frozen, signal.SIGCONT)
        stack.wait_up("todo-2")
    assert picker.nobody == 0


def test_a_registry_that_stood_still_takes_nobody_for_gone(stack, person):
    ada = person("Ada")
    states = set()
    watching = RegistryDirectory([stack.registry_grpc], stack.signer("gateway"))
    assert watching.wait(5)
    watching.on_change(lambda service: states.update(each.state for each in watching.instances(service)))
    frozen = stack.pid_of("registry-1")
    with Traffic(lambda: ada.get("/v1/lists")) as traffic:
        os.kill(frozen, signal.SIGSTOP)
        try:
            began = time.monotonic()
            eventually(lambda: time.monotonic() - began > 2 * LEASE, within=30, what="two leases' time")
        finally:
            os.kill(frozen, signal.SIGCONT)
        stack.wait_up(*EVERYBODY)
        eventually(lambda: not any(guards(stack)), within=30, what="the guards are off again")
        traffic.more(20)
    watching.stop()
    assert states <= {"up"}
    assert traffic.statuses == {200}
    assert traffic.errors == []


def guards(stack):
    return [each["guards"] for each in types(stack)]


def test_other_services_are_told_once_and_in_order_that_an_instance_came_drained_and_died(stack, admin):
    subscriber = Insider(stack, "gateway")
    wanted = {"patterns": ["registry.instance.*"], "queue": "gateway.events"}
    assert subscriber.post("events", "/v1/subscriptions", wanted).status_code == 200
    mine = restarted(stack, "todo-2")
    stack.manage("registry", "drain", "todo", "todo-2", "--reason", "new disk")
    restarted(stack, "todo-2")

    def told():
        params = {"type": "registry.instance.*", "aggregate_id": "todo-2"}
        items = reversed(admin.get("events", "/v1/events", params=params).json()["items"])
        return [each for each in items if each["data"]["incarnation"] == mine]

    whole = lambda: [each["type"].rpartition(".")[2] for each in told()] == ["up", "draining", "down"]  # noqa: E731
    eventually(whole, what="the three events")
    up, draining, down = told()
    assert [each["sequence"] for each in (draining, down)] == [up["sequence"] + 1, up["sequence"] + 2]
    assert up["data"] == {"type": "todo", "instance": "todo-2", "incarnation": mine, "reason": "registered"}
    assert draining["data"]["reason"] == "registry: new disk"
    assert "died" in down["data"]["reason"]
    assert f"todo-2#{down['sequence']}" in stack.manage("events", "events", "--type", "registry.instance.down")
    deliveries = admin.get("events", "/v1/deliveries", params={"subscriber": "gateway"}).json()["items"]
    assert {each["id"] for each in (up, draining, down)} <= {each["event"]["id"] for each in deliveries}
    wanted["patterns"] = []
    assert subscriber.post("events", "/v1/subscriptions", wanted).json()["items"] == []


def restarted(stack, name):
    """Kill an instance of TODO and wait until another process is up in its place; give the new incarnation."""
    incarnation = lambda: {each["id"]: each["incarnation"] for each in stack.instances("todo")}[name]  # noqa: E731
    before = incarnation()
    stack.kill(name)
    eventually(lambda: incarnation() != before and stack.is_up(name), within=30, what=f"{name} is started again")
    return incarnation()


def types(stack):
    headers = {"Authorization": f"Bearer {stack.token()}"}
    return requests.get(f"{stack.registry_url}/v1/services", headers=headers, timeout=5).json()["items"]


def test_after_its_database_is_wiped_under_load_everybody_is_back_within_a_lease_and_no_request_fails(stack, person):
    ada = person("Ada")
    stack.wait_up(*EVERYBODY)
    with Traffic(lambda: ada.get("/v1/lists")) as traffic:
        wipe = "from registry_svc.instances.models import StoredInstance as S; S.objects.all().delete()"
        stack.manage("registry", "shell", "-c", wipe)
        killed = stack.kill("registry-1")
        eventually(lambda: stack.pid_of("registry-1") not in (0, killed), within=30, what="it is started again")
        eventually(lambda: answers(stack), within=30, every=0.02, what="it answers")
        began = time.monotonic()
        eventually(lambda: all(stack.is_up(name) for name in EVERYBODY), within=10, what="everybody is back")
        assert time.monotonic() - began < LEASE
        traffic.more(100)
    assert traffic.statuses == {200}
    assert traffic.errors == []


def answers(stack):
    with contextlib.suppress(OSError):
        return bool(types(stack))
    return False
