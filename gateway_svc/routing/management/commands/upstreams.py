"""`manage.py upstreams`: print how the services look from each running gateway."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from libs import telemetry
from libs.discovery import Instance, directory
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.client import BridgeClient
from libs.service import platform
from libs.service.identity import signer
from libs.service.terminal import table

TIMEOUT = 3.0
COLUMNS = (
    "GATEWAY", "SERVICE", "BREAKER", "RETRIES LEFT", "INSTANCE", "STATE", "IN FLIGHT", "REQUESTS", "FAILED", "EJECTED",
    "AVERAGE",
)  # fmt: skip


class Command(BaseCommand):
    help = "Print what each gateway knows of its upstreams: breakers, retry budgets, ejections, latencies."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON, one gateway a line")

    def handle(self, *args: Any, **options: Any) -> None:
        telemetry.configure(settings.SERVICE, settings.INSTANCE, "ERROR")
        platform.connect()
        known = directory()
        gateways = [each for each in known.instances("gateway") if each.state in ("up", "draining")]
        known.stop()
        if known.age() == float("inf"):
            raise CommandError(f"no registry answers at {', '.join(settings.REGISTRY_ADDRESSES)}")
        if not gateways:
            raise CommandError("no gateway is running")
        rows: list[tuple[str, ...]] = [COLUMNS]
        for gateway in gateways:
            items = ask(gateway)
            if options["json"]:
                self.stdout.write(json.dumps({"gateway": gateway.id, "items": items}))
            else:
                rows += rows_of(gateway, items)
        if not options["json"]:
            self.stdout.write(table(rows))


def ask(gateway: Instance) -> list[dict[str, Any]]:
    """Ask one gateway; CommandError where it does not answer."""
    request = pb.Request(method="GET", raw_path=b"/internal/v1/upstreams", authority="gateway", scheme="http")
    client = BridgeClient(signer())
    try:
        answer = client.handle(gateway.grpc_address, "gateway", request, TIMEOUT)
    except grpc.RpcError as error:
        raise CommandError(f"{gateway.id} does not answer at {gateway.grpc_address}") from error
    finally:
        client.close()
    if answer.status != 200:
        raise CommandError(f"{gateway.id} answers {answer.status}")
    items: list[dict[str, Any]] = json.loads(answer.body)["items"]
    return items


def rows_of(gateway: Instance, items: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Give a line for each instance of each service."""
    for item in items:
        for each in item["instances"]:
            yield (
                gateway.id,
                item["service"],
                item["breaker"],
                str(item["retries_left"]),
                each["id"],
                each["state"],
                str(each["in_flight"]),
                str(each["requests"]),
                str(each["failures"]),
                f"{each['ejected_seconds']:g} s" if each["ejected_seconds"] else "",
                f"{each['average_ms']:.1f} ms",
            )
