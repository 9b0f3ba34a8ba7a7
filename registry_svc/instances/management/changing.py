"""The base of `drain`, `maintenance` and `resume`."""

from typing import Any, ClassVar

from django.core.management.base import CommandParser

from libs.discovery.model import State
from registry_svc.instances.management.asking import AskingCommand


class ChangingCommand(AskingCommand):
    """A command that changes the state of an instance."""

    state: ClassVar[State]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("type", help="the service type")
        parser.add_argument("instance", help="the instance's id")
        parser.add_argument("--reason", default="", help="why, for the history")

    def handle(self, *args: Any, registry: str, type: str, instance: str, reason: str, **options: Any) -> None:  # noqa: A002
        now = self.ask(registry, lambda questions: questions.set_state(type, instance, self.state, reason))
        later = "" if now.state == self.state else f", and {_shown(self.state)} when it is back"
        self.stdout.write(f"{type}/{instance} is {_shown(now.state)}{later}")


def _shown(state: State) -> str:
    return "in maintenance" if state == "maintenance" else state
