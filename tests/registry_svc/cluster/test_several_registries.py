"""Several Registries over one PostgreSQL, as their clients see them."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from django.db import connection
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.discovery import Lease, Load, RegistryDirectory
from libs.testing.events import Published
from registry_svc.instances.models import StoredInstance
from tests.registry_svc.cluster.nodes import Nodes, Process
from tests.registry_svc.parts import GrpcInstance, registration, wait_until

pytestmark = pytest.mark.distributed
INSTANCES = 6


@pytest.fixture
def servers() -> Iterator[list[GrpcInstance]]:
    servers = [GrpcInstance() for _ in range(INSTANCES)]
    yield servers
    for server in servers:
        server.stop()


def start_all(nodes: Nodes, servers: list[GrpcInstance]) -> list[Lease]:
    """Register one instance per server, wherever it likes, and wait until every Registry knows all of them."""
    leases = [
        nodes.lease(registration(instance_id=f"todo-{number}", grpc_port=server.port))
        for number, server in enumerate(servers, start=1)
    ]
    assert all(lease.wait(10) for lease in leases)
    wait_until(lambda: all(list(each.states("todo").values()) == ["up"] * len(servers) for each in nodes))
    return leases


def owners() -> dict[str, str]:
    return dict(StoredInstance.objects.filter(type="todo", gone_at=None).values_list("instance_id", "owner"))


class Calls:
    """A client that calls instances all the time, and watches what it is told of them."""

    def __init__(self, directory: RegistryDirectory) -> None:
        self.count = 0
        self.failures: list[str] = []
        self.states: set[str] = set()
        self._directory = directory
        self._channels: dict[str, grpc.Channel] = {}
        assert directory.wait(5)
        directory.on_change(self._note)
        self._note("todo")  # what it knows already; whether anything changes later is chance

    def _note(self, service: str) -> None:
        if service == "todo":
            self.states |= {each.state for each in self._directory.instances("todo")}

    def once(self) -> None:
        try:
            chosen = self._directory.pick("todo")
            channel = self._channels.setdefault(chosen.id, grpc.insecure_channel(chosen.grpc_address))
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except Exception as error:  # noqa: BLE001  (whatever a client could see)
            self.failures.append(repr(error))
        self.count += 1

    @contextmanager
    def running(self) -> Iterator["Calls"]:
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(0.002):
                self.once()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join(10)
            for channel in self._channels.values():
                channel.close()


def test_any_of_them_takes_a_registration_and_all_answer_at_once(nodes: Nodes, servers: list[GrpcInstance]) -> None:
    first, second, third = nodes
    directory = nodes.directory(at=third)
    assert directory.wait(5)
    lease = nodes.lease(registration(grpc_port=servers[0].port), at=first)
    assert lease.wait(5)
    began = time.monotonic()
    wait_until(lambda: directory.instances("todo"))
    assert time.monotonic() - began < 1.0
    assert second.states("todo") == {"todo-1": "up"}
    assert second.answers("/v1/services/todo/resolve")["id"] == "todo-1"


def test_a_wish_told_to_one_reaches_the_instance_at_another_at_once(nodes: Nodes, servers: list[GrpcInstance]) -> None:
    first, second, third = nodes
    lease = nodes.lease(registration(grpc_port=servers[0].port), at=first)
    assert lease.wait(5)
    wait_until(lambda: lease.desired_state == "up" and second.states("todo"))
    assert second.request("POST", "/v1/services/todo/instances/todo-1/maintenance").status_code == 200
    wait_until(lambda: lease.desired_state == "maintenance", 2)
    wait_until(lambda: third.states("todo") == {"todo-1": "maintenance"})
    assert third.request("POST", "/v1/services/todo/instances/todo-1/resume").status_code == 200
    wait_until(lambda: lease.desired_state == "up", 2)


def test_all_of_them_show_load_and_checks_of_each_others_leases(nodes: Nodes, servers: list[GrpcInstance]) -> None:
    first, second, _ = nodes
    lease = nodes.lease(registration(grpc_port=servers[0].port), at=first)
    lease._load = lambda: Load(7, 0.5, 2)
    assert lease.wait(5)
    wait_until(lambda: (second.items("todo").get("todo-1") or {"load": {}})["load"].get("in_flight") == 7)
    wait_until(lambda: (second.items("todo")["todo-1"]["last_check"] or {}).get("status") == "passing")
    servers[0].serving(False)
    wait_until(lambda: second.states("todo") == {"todo-1": "down"})


def test_clients_do_not_notice_that_one_of_three_is_killed(nodes: Nodes, servers: list[GrpcInstance]) -> None:
    start_all(nodes, servers)
    calls = Calls(nodes.directory())
    with calls.running():
        for victim in list(nodes)[:2]:
            victim.kill()
            living = [each for each in nodes if each.name > victim.name]
            names = {each.name for each in living}
            wait_until(lambda names=names: set(owners().values()) <= names, 20)
            wait_until(lambda living=living, victim=victim: all(down(each, victim) for each in living), 20)
            counted = calls.count
            wait_until(lambda counted=counted: calls.count > counted + 100)
    assert calls.failures == []
    assert calls.states == {"up"}
    assert nodes[2].states("todo") == {f"todo-{number}": "up" for number in range(1, INSTANCES + 1)}


def told(published: Published) -> dict[str, list[tuple[int, str, str]]]:
    """Give what was told of each instance of TODO: place, what happened, to which process."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for each in sorted(published, key=lambda each: each.sequence):
        if each.data["type"] == "todo":
            what = each.type.removeprefix("registry.instance.")
            found.setdefault(each.aggregate_id, []).append((each.sequence, what, each.data["incarnation"]))
    return found


def test_each_change_is_told_once_whoever_leads_and_whoever_dies(
    nodes: Nodes, servers: list[GrpcInstance], published: Published
) -> None:
    leases = start_all(nodes, servers)
    once = {mine.id: [(1, "up", mine.incarnation)] for mine in (each.registration for each in leases)}
    assert told(published) == once
    for victim in list(nodes)[:2]:
        victim.kill()
        names = {each.name for each in nodes if each.name > victim.name}
        wait_until(lambda names=names: set(owners().values()) <= names, 20)
    last = nodes[2]
    servers[0].stop()
    kill(leases[0])
    wait_until(lambda: last.states("todo")["todo-1"] == "down", 20)
    assert last.request("POST", "/v1/services/todo/instances/todo-2/drain").status_code == 200
    gone, drained = leases[0].registration, leases[1].registration
    once[gone.id].append((2, "down", gone.incarnation))
    once[drained.id].append((2, "draining", drained.incarnation))
    wait_until(lambda: told(published) == once)
    nodes[0].launch().wait_ready()
    wait_until(lambda: not any(each.guards("todo") for each in (nodes[0], last)), 20)
    assert told(published) == once


def down(observer: Process, victim: Process) -> bool:
    return observer.states("registry").get(victim.name) in ("down", None)


def test_a_registry_that_freezes_is_left_and_agrees_with_the_others_when_it_wakes(
    nodes: Nodes, servers: list[GrpcInstance]
) -> None:
    start_all(nodes, servers)
    frozen, *others = nodes
    names = {each.name for each in others}
    calls = Calls(nodes.directory(at=others[0]))
    with calls.running():
        frozen.send(signal.SIGSTOP)
        wait_until(lambda: set(owners().values()) <= names, 20)
        frozen.send(signal.SIGCONT)
        wait_until(lambda: set(frozen.states("todo").values()) == {"up"})
        counted = calls.count
        wait_until(lambda: calls.count > counted + 500)
    assert calls.failures == []
    assert calls.states == {"up"}
    assert all(set(each.states("todo").values()) == {"up"} for each in nodes)


def test_an_instance_that_dies_with_its_registry_is_noticed_by_the_others(
    nodes: Nodes, servers: list[GrpcInstance]
) -> None:
    first, second, third = nodes
    lease = nodes.lease(registration(grpc_port=servers[0].port), at=first)
    assert lease.wait(5)
    wait_until(lambda: second.states("todo"))
    first.kill()
    servers[0].stop()
    wait_until(lambda: second.states("todo") == third.states("todo") == {"todo-1": "down"}, 20)


def test_one_that_leaves_hands_its_leases_over_at_once(nodes: Nodes, servers: list[GrpcInstance]) -> None:
    start_all(nodes, servers)
    calls = Calls(nodes.directory())
    with calls.running():
        nodes[0].send(signal.SIGTERM)
        assert nodes[0].wait() == 0
        wait_until(lambda: nodes[0].name not in owners().values(), 5)
    assert calls.failures == []
    assert calls.states <= {"up"}


def test_without_their_database_they_answer_with_what_they_know_and_say_so(
    nodes: Nodes, servers: list[GrpcInstance]
) -> None:
    leases = start_all(nodes, servers)
    calls = Calls(nodes.directory())
    holding = holder_of(nodes, leases[0])
    with calls.running():
        with locked_nodes():
            wait_until(lambda: all("unsynced" in each.guards("todo") for each in nodes), 30)
            assert all(set(each.states("todo").values()) == {"up"} for each in nodes)
            servers[0].stop()
            kill(leases[0])
            wait_until(lambda: holding.states("todo")["todo-1"] == "down")
        wait_until(lambda: not any(each.guards("todo") for each in nodes), 30)
    wait_until(lambda: all(each.states("todo")["todo-1"] == "down" for each in nodes), 30)


def holder_of(nodes: Nodes, lease: Lease) -> Process:
    owner = owners()[lease.registration.id]
    return next(each for each in nodes if each.name == owner)


def kill(lease: Lease) -> None:
    """End a lease as the death of its process does."""
    lease._stopping.set()
    wait_until(lambda: lease._stream)
    lease._stream.cancel()  # type: ignore[union-attr]


@contextmanager
def locked_nodes() -> Iterator[None]:
    """Make the tables of the Registries unusable for others."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE instances_node RENAME TO away_node")
        cursor.execute("ALTER TABLE instances_storedinstance RENAME TO away_instance")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away_node RENAME TO instances_node")
            cursor.execute("ALTER TABLE away_instance RENAME TO instances_storedinstance")


def test_a_wiped_database_is_filled_again_by_those_who_hold_the_leases(
    nodes: Nodes, servers: list[GrpcInstance]
) -> None:
    start_all(nodes, servers)
    before = owners()
    StoredInstance.objects.all().delete()
    wait_until(lambda: owners() == before, 30)
    assert all(set(each.states("todo").values()) == {"up"} for each in nodes)


def test_a_second_process_of_the_same_name_takes_over_and_the_first_one_ends(nodes: Nodes, tmp_path: Any) -> None:
    twin = Process(nodes[0].name, tmp_path / "twin").launch()
    try:
        twin.wait_ready()
        assert nodes[0].wait() == 0
        assert "give each its own MT_INSTANCE" in nodes[0].log()
        wait_until(lambda: all(each.states("registry").get(twin.name) == "up" for each in (nodes[1], twin)))
    finally:
        twin.stop()
