"""What the commands share: asking the running Registry, and tables of what it says. Each fault is one line."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import grpc
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from libs.discovery.channels import TIMEOUT, channel, failure, metadata, stub
from libs.discovery.model import Instance
from libs.discovery.protos import instance_from_proto, number
from libs.rpc import registry_pb2 as pb
from libs.service.identity import signer

T = TypeVar("T")

#: A registry that fails so is away, and another one is asked.
AWAY = frozenset({"unavailable", "deadline_exceeded"})


class Questions:
    """What can be asked of one registry, with this service's own token. Raises grpc.RpcError."""

    def __init__(self, opened: grpc.Channel) -> None:
        """Ask over a channel."""
        self._methods = stub(opened)

    def types(self) -> list[pb.ServiceType]:
        """List the service types."""
        return list(self._call("ListTypes", pb.ListTypesRequest()).items)

    def instances(self, service: str = "", states: Iterable[str] = ()) -> list[Instance]:
        """List the instances of a type, or of all types; in certain states, or in any."""
        found = []
        for each in [service] if service else [one.type for one in self.types()]:
            request = pb.ListInstancesRequest(type=each, states=[number(pb.State, state) for state in states])
            found += [instance_from_proto(item) for item in self._call("ListInstances", request).items]
        return found

    def set_state(self, service: str, instance_id: str, state: str, reason: str) -> Instance:
        """Let an instance drain, rest in maintenance, or come up again."""
        request = pb.SetStateRequest(type=service, id=instance_id, state=number(pb.State, state), reason=reason)
        return instance_from_proto(self._call("SetState", request))

    def _call(self, method: str, message: Any) -> Any:
        return getattr(self._methods, method)(message, timeout=TIMEOUT, metadata=metadata(signer()))


class AskingCommand(BaseCommand):
    """A command that asks the running Registry."""

    def add_arguments(self, parser: CommandParser) -> None:
        default = settings.REGISTRY_ADDRESSES[0]
        parser.add_argument("--registry", default=default, help=f"its gRPC address (default: {default})")

    def ask(self, address: str, question: Callable[[Questions], T]) -> T:
        """Ask the Registry at `address`; where it is away, the others of the settings. CommandError."""
        asked = registry_addresses(address)
        text = ""
        for each in asked:
            try:
                with channel(each) as opened:
                    answer = question(Questions(opened))
            except grpc.RpcError as error:
                code, text = failure(error)
                if code not in AWAY:
                    raise CommandError(text or code) from None
            else:
                if each != address:
                    self.stderr.write(f"the Registry at {address} does not answer; this is what {each} says")
                return answer
        raise CommandError(f"no registry answers at {', '.join(asked)}: {text}")


def add_json(parser: CommandParser) -> None:
    """Let a command print JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def registry_addresses(first: str) -> list[str]:
    """Give the gRPC addresses of the registries in the order to try them."""
    return list(dict.fromkeys([first, *settings.REGISTRY_ADDRESSES]))


def as_json(items: Iterable[object]) -> str:
    """Write items as JSON."""
    return json.dumps(list(items), indent=2)


def age(since: datetime | None, now: datetime) -> str:
    """Write how long ago something was by its two largest units: 7s, 5m02s, 3h20m, 12d01h; empty for unknown."""
    if since is None:
        return ""
    seconds = max(0, (now - since) // timedelta(seconds=1))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days}d{hours % 24:02}h"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"
