"""What clients see, and what is kept, when parts of the system die."""

import contextlib
import resource
import sqlite3
import time
from collections import Counter

import pytest
import requests

from tests.system.problems import assert_problem
from tests.system.stack import eventually, with_descendants
from tests.system.traffic import Traffic
from tests.system.users import Person

TODOS = ("todo-1", "todo-2")
OUTAGE = 20.0


def wait_restarted(stack, name, killed):
    """Wait until the supervisor has started a process again."""
    eventually(lambda: stack.pid_of(name) not in (0, killed), within=30, what=f"{name} is started again")


def test_a_dead_todo_gives_503_and_comes_back_without_a_restart_of_anything_else(stack, person):
    ada = person("Ada")
    others = {name: pid for name, pid in pids(stack).items() if name not in TODOS}
    for name in TODOS:
        stack.stop_process(name)
    try:
        answer = ada.get("/v1/lists")
        problem = assert_problem(answer, 503)
        assert problem["service"] == "todo"
        assert problem["retryable"] is True
        assert int(answer.headers["Retry-After"]) >= 1
        assert ada.get("/v1/users/me").status_code == 200
    finally:
        for name in TODOS:
            stack.start_process(name)
    eventually(lambda: ada.get("/v1/lists").status_code == 200, within=20, what="TODO answers again")
    stack.wait_up(*TODOS)
    assert {name: pid for name, pid in pids(stack).items() if name not in TODOS} == others


def pids(stack):
    return {name: info["pid"] for name, info in stack.processes().items()}


def test_kill_9_of_the_todo_worker_in_the_middle_of_deliveries_loses_and_repeats_nothing(stack, admin):
    people = []

    def register():
        people.append(Person(stack.gateway_url, "Ada"))
        return people[-1].register()

    def is_delivering():
        params = {"subscriber": "todo", "status": "sent"}
        return admin.get("events", "/v1/deliveries", params=params).json()["items"]

    with Traffic(register, threads=1, pause=0.2) as traffic:
        for _ in range(4):
            eventually(is_delivering, within=20, every=0, what="a delivery on its way")
            wait_restarted(stack, "todo-worker-1", stack.kill("todo-worker-1"))
            traffic.more(2)
    assert traffic.statuses == {201}
    assert traffic.errors == []
    eventually(lambda: acked(admin, people), within=60, what="all registrations are applied")
    for each in people:
        each.log_in()
        assert [x["name"] for x in each.lists() if x["is_inbox"]] == ["Inbox"]


def acked(admin, people):
    """Tell whether TODO has acknowledged the registration of everybody, each once."""
    deliveries, cursor = [], None
    while True:
        params = {"subscriber": "todo", "limit": 200, **({"cursor": cursor} if cursor else {})}
        page = admin.get("events", "/v1/deliveries", params=params).json()
        deliveries += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    ids = {each.user["id"] for each in people}
    mine = [each for each in deliveries if each["event"]["aggregate_id"] in ids]
    assert len(mine) <= len(people)
    return len(mine) == len(people) and {each["status"] for each in mine} == {"acked"}


def test_no_log_record_is_lost_while_logger_is_down_for_20_seconds(stack, person, logs):
    ada = person("Ada")
    stack.stop_process("logger-1")
    try:
        began = time.monotonic()
        with Traffic(lambda: ada.get("/v1/lists"), threads=1, pause=0.1) as traffic:
            eventually(lambda: time.monotonic() - began > OUTAGE, within=2 * OUTAGE, what="the outage's length")
    finally:
        stack.start_process("logger-1")
    assert traffic.statuses == {200}
    stack.wait_up("logger-1")
    wanted = dict.fromkeys(traffic.request_ids, 1)

    def arrived():
        found = logs.find(service="gateway", q="request")
        counts = Counter(record["request_id"] for record in found if record["request_id"] in wanted)
        assert max(counts.values(), default=0) <= 1
        return counts == wanted

    eventually(arrived, within=60, every=1, what="each request's record, once")


def test_two_todo_instances_share_the_load(person, logs):
    ada = person("Ada")
    with Traffic(lambda: ada.get("/v1/lists"), threads=4, pause=0) as traffic:
        traffic.more(80)
    ids = set(traffic.request_ids)

    def instances():
        found = logs.find(service="gateway", q="request")
        return Counter(x["attributes"]["upstream_instance"] for x in found if x.get("request_id") in ids)

    eventually(lambda: instances().total() == len(ids), what="the records of all requests")
    shares = instances()
    assert set(shares) == set(TODOS)
    assert min(shares.values()) > len(ids) / 5


def test_readers_do_not_see_the_death_of_one_todo_instance(stack, person):
    ada = person("Ada")
    with Traffic(lambda: ada.get("/v1/lists")) as traffic:
        killed = stack.kill("todo-1")
        wait_restarted(stack, "todo-1", killed)
        stack.wait_up("todo-1")
        traffic.more(20)
    assert traffic.statuses == {200}
    assert traffic.errors == []


def test_a_restart_of_the_registry_does_not_interrupt_clients(stack, person):
    ada = person("Ada")
    with Traffic(lambda: ada.get("/v1/lists")) as traffic:
        killed = stack.kill("registry-1")
        traffic.more(20)
        wait_restarted(stack, "registry-1", killed)
        stack.wait_up("registry-1", "todo-1", "todo-2", "gateway-1")
        traffic.more(20)
        stack.stop_process("registry-1")
        traffic.more(100)
        stack.start_process("registry-1")
        stack.wait_up("registry-1", "todo-1", "todo-2", "gateway-1")
        traffic.more(100)
    assert traffic.statuses == {200}
    assert traffic.errors == []


def test_a_killed_gateway_is_started_again_by_the_supervisor(stack, person):
    ada = person("Ada")
    killed = stack.kill("gateway-1")
    wait_restarted(stack, "gateway-1", killed)
    eventually(lambda: attempt(lambda: ada.get("/v1/lists").status_code == 200), within=20, what="the gateway answers")
    stack.wait_up("gateway-1")


def attempt(act):
    """Do something; None where nobody listens or a service is away."""
    try:
        return act()
    except (requests.ConnectionError, AssertionError):
        return None


def test_after_a_logout_the_access_token_is_refused_within_a_second(person):
    ada = person("Ada")
    assert ada.get("/v1/lists").status_code == 200
    assert ada.post("/v1/auth/logout").status_code == 204
    eventually(lambda: ada.get("/v1/lists").status_code == 401, within=1, what="the token is refused")
    assert_problem(ada.get("/v1/users/me"), 401, "invalid_token")


@contextlib.contextmanager
def full_disk(stack, names):
    """Let no file of these processes grow: a write fails, as on a disk that is full."""
    stopped = {
        pid: resource.prlimit(pid, resource.RLIMIT_FSIZE)
        for pid in with_descendants([stack.pid_of(name) for name in names])
    }
    for pid, (_, hard) in stopped.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for pid, limits in stopped.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def test_while_the_disk_is_full_writers_hear_503_and_readers_nothing_and_what_was_confirmed_stays(stack, person):
    if stack.distributed:
        pytest.skip("the databases are not on the disk of these processes")
    ada = person("Ada")
    shopping = ada.make_list()["id"]
    kept = [ada.make_task(shopping, f"Milk {number}")["id"] for number in range(5)]
    before = pids(stack)
    with full_disk(stack, sorted(before.keys() - {"conductor", "broker"})):
        for _ in range(20):
            refused = ada.post(f"/v1/lists/{shopping}/tasks", {"title": "Bread"})
            assert_problem(refused, 503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
            assert ada.get(f"/v1/lists/{shopping}").status_code == 200
        assert_problem(ada.post("/v1/auth/login", {"email": ada.email, "password": ada.password}), 503, "unavailable")
    eventually(lambda: ada.post(f"/v1/lists/{shopping}/tasks", {"title": "Eggs"}).status_code == 201, within=20)
    titles = [task["title"] for task in ada.get(f"/v1/lists/{shopping}/tasks").json()["items"]]
    assert sorted(titles) == ["Eggs", *(f"Milk {number}" for number in range(5))]
    assert {task: ada.get(f"/v1/tasks/{task}").status_code for task in kept} == dict.fromkeys(kept, 200)
    assert person("Ben").inbox(within=60)["name"] == "Inbox"
    assert pids(stack) == before


def test_while_the_disk_of_events_is_full_publishers_go_on_and_all_takes_effect_later(stack, person):
    if stack.distributed:
        pytest.skip("the databases are not on the disk of these processes")
    with full_disk(stack, ["events-1", "events-worker-1"]):
        ada = person("Ada")
        eventually(lambda: sent(stack, ada.user["id"]), what="its way to Events, which can't store it")
        assert [each for each in ada.lists() if each["is_inbox"]] == []
    assert person("Ben").inbox(within=60)["name"] == "Inbox"
    assert ada.inbox(within=60)["name"] == "Inbox"


def sent(stack, user):
    """Tell whether the broker has what Auth published about somebody for longer than Events is asked about it."""
    with contextlib.closing(sqlite3.connect(stack.home / "db" / "auth.sqlite3", timeout=20)) as database:
        found = "SELECT 1 FROM eventbus_outboxevent WHERE aggregate_id = ? AND sent_at < datetime('now', '-2 seconds')"
        return database.execute(found, [user]).fetchall()


def test_kill_9_of_any_process_loses_nothing_that_was_confirmed(stack):
    def sign_up():
        ada = Person(stack.gateway_url, "Ada").sign_up()
        return ada, ada.make_task(ada.make_list()["id"])

    kept = []
    for name in sorted(set(stack.processes()) - {"conductor"}):
        kept.append(eventually(lambda: attempt(sign_up), within=30, every=0.2, what="a new user with a task"))
        wait_restarted(stack, name, stack.kill(name))
    names = [name for name in stack.processes() if "worker" not in name and name not in ("broker", "conductor")]
    stack.wait_up(*names)
    for ada, task in kept:
        eventually(lambda ada=ada: attempt(ada.log_in), within=20, what="the login")
        assert ada.get(f"/v1/tasks/{task['id']}").json() == task
        assert ada.inbox(within=60)["name"] == "Inbox"
