"""The process-wide Directory and bridge client, installed once by whoever starts the process."""

from dataclasses import dataclass

from libs.discovery.directories import Directory
from libs.rpc.client import BridgeClient


@dataclass(slots=True)
class _Installed:
    directory: Directory | None = None
    client: BridgeClient | None = None


_installed = _Installed()


class NotInstalled(RuntimeError):
    """No directory is installed: `libs.service` does it in `serve`, `worker` and commands, tests do it themselves."""


def install(directory: Directory, client: BridgeClient) -> None:
    """Make `directory` and `client` those of this process. Nothing starts before the first question."""
    _installed.directory, _installed.client = directory, client


def directory() -> Directory:
    """Give this process's directory."""
    if _installed.directory is None:
        raise NotInstalled("discovery: no directory is installed in this process")
    return _installed.directory


def bridge() -> BridgeClient:
    """Give this process's bridge client."""
    if _installed.client is None:
        raise NotInstalled("discovery: no bridge client is installed in this process")
    return _installed.client
