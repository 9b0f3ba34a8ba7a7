"""The verbs behind the Makefile: `python -m libs.devstack up|demo|secrets|service-key|memory|configuration`."""

import argparse
import sys

from libs.devstack.plan import ROOT, Plan
from libs.service.env import ConfigurationError


def main(argv: list[str] | None = None) -> int:
    """Run a verb; a wrong setting is one line."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except ConfigurationError as error:
        print(f"make {arguments.verb}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m libs.devstack")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="start everything").set_defaults(run=_up)
    verbs.add_parser("demo", help="play the tour").set_defaults(run=_demo)
    verbs.add_parser("memory", help="print the memory in use").set_defaults(run=_memory)
    verbs.add_parser("configuration", help="print docs/configuration.md").set_defaults(run=_configuration)
    secrets = verbs.add_parser("secrets", help="write missing keys and passwords")
    secrets.add_argument("--compose", action="store_true", help="for docker compose: .env and secrets/")
    secrets.set_defaults(run=_secrets)
    key = verbs.add_parser("service-key", help="give a new service its key")
    key.add_argument("name")
    key.add_argument("--routes", default="", help="public route prefixes it may register, with commas")
    key.set_defaults(run=_service_key)
    return parser


# Each verb imports what it needs, so that none waits for the others' libraries.


def _up(arguments: argparse.Namespace) -> int:
    from libs.devstack.supervision import up  # noqa: PLC0415

    return up(Plan.from_environment())


def _demo(arguments: argparse.Namespace) -> int:
    from libs.devstack.demo import play  # noqa: PLC0415

    return play(f"http://127.0.0.1:{Plan.from_environment().ports.registry}")


def _memory(arguments: argparse.Namespace) -> None:
    from libs.devstack.memory import report  # noqa: PLC0415

    print(report(Plan.from_environment()))


def _configuration(arguments: argparse.Namespace) -> None:
    from libs.devstack.configuration import page  # noqa: PLC0415

    print(page(), end="")


def _secrets(arguments: argparse.Namespace) -> None:
    from libs.devstack import compose, keys  # noqa: PLC0415

    home = Plan.from_environment().keys
    written = compose.write_compose_secrets(ROOT) if arguments.compose else keys.write_keys(home)
    where = ROOT if arguments.compose else home
    print(f"{where}: " + (f"wrote {', '.join(written)}" if written else "everything is there, nothing was changed"))


def _service_key(arguments: argparse.Namespace) -> None:
    from libs.devstack import keys  # noqa: PLC0415

    if not arguments.name.isidentifier() or not arguments.name.islower():
        raise ConfigurationError("NAME: a service's name is lower-case letters, such as billing")
    routes = [route.strip() for route in arguments.routes.split(",") if route.strip()]
    keys.add_service(Plan.from_environment().keys, arguments.name, routes)
    allowed = ", ".join(routes) or "no public route"
    print(f"{arguments.name} has a key and may register {allowed}; what runs knows it after a restart")


if __name__ == "__main__":
    sys.exit(main())
