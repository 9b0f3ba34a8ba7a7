"""`manage.py services`: what the running Registry knows."""

import json
from datetime import UTC, datetime
from typing import Any

import grpc
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from libs.discovery.channels import channel, failure, metadata, stub
from libs.discovery.documents import instance_to_json
from libs.discovery.model import Instance
from libs.discovery.protos import instance_from_proto
from libs.rpc import registry_pb2 as pb
from libs.service.identity import signer

TIMEOUT = 5.0
COLUMNS = ("TYPE", "INSTANCE", "STATE", "ADDRESS", "GRPC", "AGE")


class Command(BaseCommand):
    help = "List the instances that the running Registry knows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        default = settings.REGISTRY_ADDRESSES[0]
        parser.add_argument("--registry", default=default, help=f"its gRPC address (default: {default})")

    def handle(self, *args: Any, registry: str, **options: Any) -> None:
        try:
            found = fetch(registry)
        except grpc.RpcError as error:
            raise CommandError(f"the Registry at {registry} does not answer: {failure(error)[1]}") from None
        if options["json"]:
            every = [instance_to_json(each) for instances in found.values() for each in instances]
            self.stdout.write(json.dumps(every, indent=2))
        else:
            self.stdout.write(table([COLUMNS, *(line for kind, its in found.items() for line in rows(kind, its))]))


def fetch(address: str) -> dict[str, list[Instance]]:
    """Ask the Registry at `address` for all types and their instances."""
    sent: dict[str, Any] = {"timeout": TIMEOUT, "metadata": metadata(signer())}
    with channel(address) as opened:
        registry = stub(opened)
        types = registry.ListTypes(pb.ListTypesRequest(), **sent).items
        lists = {each.type: registry.ListInstances(pb.ListInstancesRequest(type=each.type), **sent) for each in types}
    return {kind: [instance_from_proto(item) for item in each.items] for kind, each in lists.items()}


def rows(kind: str, instances: list[Instance]) -> list[tuple[str, ...]]:
    """Show the instances of a type; a type without any has a line as well."""
    return [row(each) for each in instances] or [(kind, *"-----")]


def row(instance: Instance) -> tuple[str, ...]:
    """Show an instance as a line of the table."""
    age = datetime.now(UTC) - instance.registered_at if instance.registered_at else None
    shown = str(age).split(".", maxsplit=1)[0] if age else "-"
    return (instance.type, instance.id, instance.state, instance.address or "-", instance.grpc_address or "-", shown)


def table(rows: list[tuple[str, ...]]) -> str:
    """Align the columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True)) for each in rows)
    return "\n".join(line.rstrip() for line in lines)
