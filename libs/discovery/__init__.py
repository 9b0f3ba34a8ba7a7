"""Discovery: which instances exist, whom to ask, and how this process lets itself be found.

`install` a Directory once per process; then `ServiceClient("todo").get("/v1/lists")` calls a healthy instance of todo.
"""

from libs.discovery.answers import Answer
from libs.discovery.client import ServiceClient
from libs.discovery.current import NotInstalled, bridge, directory, install
from libs.discovery.directories import Directory, Snapshots
from libs.discovery.errors import NoInstance
from libs.discovery.lease import Lease
from libs.discovery.model import HealthSpec, Instance, LastCheck, Load, Registration
from libs.discovery.watching import RegistryDirectory

__all__ = [
    "Answer",
    "Directory",
    "HealthSpec",
    "Instance",
    "LastCheck",
    "Lease",
    "Load",
    "NoInstance",
    "NotInstalled",
    "Registration",
    "RegistryDirectory",
    "ServiceClient",
    "Snapshots",
    "bridge",
    "directory",
    "install",
]
