"""`manage.py services`: the types that the running Registry knows, and how many of their instances are well."""

from typing import Any

from django.core.management.base import CommandParser

from libs.discovery.protos import word
from libs.rpc import registry_pb2 as pb
from libs.service.terminal import table
from registry_svc.instances.management.asking import AskingCommand, Questions, add_json, as_json

COLUMNS = ("TYPE", "VISIBILITY", "INSTANCES", "HEALTHY", "GUARDS")


class Command(AskingCommand):
    help = "List the service types, and whether the Registry holds evictions of one back."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_json(parser)

    def handle(self, *args: Any, registry: str, **options: Any) -> None:
        found = self.ask(registry, Questions.types)
        if options["json"]:
            self.stdout.write(as_json(document(each) for each in found))
        else:
            self.stdout.write(table([COLUMNS, *map(row, found)]))


def row(kind: pb.ServiceType) -> tuple[str, ...]:
    """Show a type as a line of the table."""
    visibility = word(pb.Visibility, kind.visibility)
    return (kind.type, visibility, str(kind.instances), str(kind.healthy), guards(kind))


def guards(kind: pb.ServiceType) -> str:
    """Say which guards are on; a Registry that does not tell which says only that some are."""
    named = ", ".join(each.replace("_", " ") for each in kind.guards)
    return named or ("degraded" if kind.degraded else "")


def document(kind: pb.ServiceType) -> dict[str, Any]:
    """Show a type as JSON."""
    return {
        "type": kind.type,
        "visibility": word(pb.Visibility, kind.visibility),
        "instances": kind.instances,
        "healthy": kind.healthy,
        "degraded": kind.degraded,
        "guards": list(kind.guards),
    }
