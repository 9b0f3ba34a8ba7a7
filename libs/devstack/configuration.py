"""docs/configuration.md, made of the variables that the settings of all services declare."""

import importlib
from collections.abc import Mapping

from libs.contracts.names import SERVICES
from libs.devstack.plan import ROOT
from libs.service import env
from libs.service.env import Variable

HEAD = """\
# Configuration

Every variable may also be given as `<NAME>_FILE`, the path of a file that holds the value. A value of the wrong form
stops the start with one line that names the variable. This page is made by `make docs` from the settings modules.

`make up` reads besides: `SCALE`, `MT_GATEWAY_PORT` (8080), `MT_ADMIN_PORT` (8082), and `MT_POSTGRES_URL` (a PostgreSQL
server with one database per service, in place of SQLite).
"""


def page() -> str:
    """Give the page."""
    shared, own = _variables()
    parts = [HEAD, "## All services\n", _table(shared)]
    for service, variables in own.items():
        if variables:
            parts += [f"## {service}\n", _table(variables)]
    return "\n".join(parts)


def _variables() -> tuple[Mapping[str, Variable], dict[str, dict[str, Variable]]]:
    own: dict[str, dict[str, Variable]] = {}
    importlib.import_module("libs.service.settings")
    shared = dict(env.DECLARED)
    for service in SERVICES:
        before = set(env.DECLARED)
        importlib.import_module(f"{service}_svc.config.settings")
        new = {name: env.DECLARED[name] for name in env.DECLARED if name not in before}
        own[service] = {name: value for name, value in new.items() if name not in ("MT_INSTANCE", "MT_SECRET_KEY")}
        shared |= {name: new[name] for name in ("MT_INSTANCE", "MT_SECRET_KEY") if name in new}
    return shared, own


def _table(variables: Mapping[str, Variable]) -> str:
    rows = [f"| `{v.name}` | {v.kind} | {_default(v)} | {v.help} |" for v in variables.values()]
    return "\n".join(["| variable | is | default | meaning |", "|---|---|---|---|", *rows, ""])


def _default(variable: Variable) -> str:
    if variable.kind == "a path":
        return f"`{variable.default.replace(str(ROOT) + '/', '')}`"
    if variable.name == "MT_INSTANCE":
        return "`<service>-1`"
    return f"`{variable.default}`" if variable.default else ""
