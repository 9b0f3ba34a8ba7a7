"""What one gateway and one TODO instance do on this machine, through the whole system, under a minute.

Rows: the Registry answering `resolve` (no gateway), a list of 50 tasks in full, a list unchanged (304), and creating a
task (a commit, an outbox row, and its event on the way to Events). The last column compares with the first row.
"""

import os

import requests

from tests.benchmarks.load import measure
from tests.benchmarks.tables import rates
from tests.system.stack import Stack
from tests.system.users import Person

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "6"))
CLIENTS = int(os.environ.get("MT_BENCH_CLIENTS", "8"))
TASKS = 50


def main() -> int:
    """Start a system, measure, print; the exit code tells whether any request failed."""
    print(f"{CLIENTS} clients, {SECONDS:g} s a row")
    with Stack() as stack:
        results = {
            name: measure(send, clients=CLIENTS, seconds=SECONDS, client=requests.Session)
            for name, send in requests_of(stack)
        }
    print(rates(results))
    return int(any(result.failures for result in results.values()))


def requests_of(stack):
    """Give each row's name and the function that sends one of its requests."""
    person = Person(stack.gateway_url, "Bench").sign_up()
    tasks = f"{stack.gateway_url}/v1/lists/{person.make_list()['id']}/tasks"
    for number in range(TASKS):
        assert person.session.post(tasks, json={"title": f"Task {number}"}, timeout=30).status_code == 201
    headers = {"Authorization": person.session.headers["Authorization"]}
    inbox = f"{stack.gateway_url}/v1/lists/{person.inbox()['id']}"
    unchanged = headers | {"If-None-Match": person.session.get(inbox, timeout=30).headers["ETag"]}
    other = f"{stack.gateway_url}/v1/lists/{person.make_list('Created')['id']}/tasks"
    resolve = f"{stack.registry_url}/v1/services/gateway/resolve"
    yield "Registry: resolve", lambda session: session.get(resolve, timeout=30).ok
    yield f"list of {TASKS} tasks", lambda session: session.get(tasks, headers=headers, timeout=30).ok
    yield "one list, unchanged (304)", lambda session: session.get(inbox, headers=unchanged, timeout=30).ok
    yield "create a task", lambda session: session.post(other, headers=headers, json={"title": "New"}, timeout=30).ok
