"""`make bench`: what one gateway and one TODO instance do on this machine, through the whole system, under a minute.

Rows: the Registry answering `resolve` (no gateway), a list of 50 tasks in full, a list unchanged (304), and creating a
task (a commit, an outbox row, and its event on the way to Events). The last column compares with the first row.
"""

import os
import platform
import sys

from tests.benchmarks.load import Result, measure
from tests.system.stack import Stack
from tests.system.users import Person

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "6"))
CLIENTS = int(os.environ.get("MT_BENCH_CLIENTS", "8"))
TASKS = 50


def main() -> int:
    """Start a system, measure, print; the exit code tells whether any request failed."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {CLIENTS} clients, {SECONDS:g} s a row")
    with Stack() as stack:
        results = {name: measure(send, clients=CLIENTS, seconds=SECONDS) for name, send in requests_of(stack)}
    print(table(results))
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
    yield "Registry: resolve", lambda session: session.get(resolve, timeout=30)
    yield f"list of {TASKS} tasks", lambda session: session.get(tasks, headers=headers, timeout=30)
    yield "one list, unchanged (304)", lambda session: session.get(inbox, headers=unchanged, timeout=30)
    yield "create a task", lambda session: session.post(other, headers=headers, json={"title": "New"}, timeout=30)


def table(results: dict[str, Result]) -> str:
    """Write the results as a table."""
    first = next(iter(results.values())).rate
    head = f"{'':<28}{'per second':>11}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}{'ratio':>8}"
    return "\n".join([head, *(row(name, result, result.rate / first) for name, result in results.items())])


def row(name: str, result: Result, ratio: float) -> str:
    """Write one result."""
    p50, p99 = result.percentile(0.5), result.percentile(0.99)
    return f"{name:<28}{result.rate:>11.0f}{p50:>9.1f}{p99:>9.1f}{result.failures:>8}{ratio:>8.2f}"


if __name__ == "__main__":
    sys.exit(main())
