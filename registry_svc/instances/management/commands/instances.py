"""`manage.py instances`: the instances that the running Registry knows."""

from datetime import UTC, datetime
from typing import Any, get_args

from django.core.management.base import CommandError, CommandParser

from libs.discovery.documents import instance_to_json
from libs.discovery.model import Instance, State
from libs.service.terminal import table
from registry_svc.instances.management.asking import AskingCommand, add_json, age, as_json

STATES = get_args(State)
COLUMNS = (
    "TYPE", "INSTANCE", "STATE", "ADDRESS", "GRPC", "WEIGHT", "ZONE", "VERSION", "LOAD", "CHECK", "AGE",
)  # fmt: skip


class Command(AskingCommand):
    help = "List instances. LOAD: requests in flight, cores used, requests that wait for a thread."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_json(parser)
        parser.add_argument("type", nargs="?", default="", help="only this type")
        parser.add_argument("--state", default="", help=f"only in these states, with commas: {', '.join(STATES)}")

    def handle(self, *args: Any, registry: str, type: str, state: str, **options: Any) -> None:  # noqa: A002
        states = states_of(state)
        found = self.ask(registry, lambda questions: questions.instances(type, states))
        if options["json"]:
            self.stdout.write(as_json(instance_to_json(each) for each in found))
        else:
            now = datetime.now(UTC)
            self.stdout.write(table([COLUMNS, *(row(each, now) for each in found)]))


def states_of(text: str) -> list[str]:
    """Read a list of states; CommandError."""
    states = [each.strip() for each in text.split(",")] if text else []
    unknown = next((each for each in states if each not in STATES), None)
    if unknown is not None:
        raise CommandError(f"--state: {unknown!r} is none of {', '.join(STATES)}")
    return states


def row(instance: Instance, now: datetime) -> tuple[str, ...]:
    """Show an instance as a line of the table."""
    load, check = instance.load, instance.last_check
    return (
        instance.type,
        instance.id,
        f"{instance.state} (damped)" if instance.damped else instance.state,
        instance.address,
        instance.grpc_address,
        str(instance.weight),
        instance.zone,
        instance.version,
        f"{load.in_flight}/{load.cpu:.2f}/{load.queue_depth}",
        f"{check.status} {check.latency_ms:.1f} ms" if check else "",
        age(instance.registered_at, now),
    )
