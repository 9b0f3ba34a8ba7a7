"""The embedded broker as every process of one MT_HOME finds it: where its socket is, and the addresses made of it.

`make up` starts it and names it to its children; a command that an operator types looks for the socket.
"""

import hashlib
import os
import tempfile
from pathlib import Path

#: Paths of Unix sockets end at 104 (macOS) or 108 bytes (Linux).
LONGEST_SOCKET = 100


def socket_folder(home: Path) -> Path:
    """Name the folder of sockets: below `home`, or in the temporary folder where that path is too long."""
    folder = home / "run"
    if len(os.fsencode(folder / "supervisor.sock")) > LONGEST_SOCKET:
        name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"mt-{os.getuid()}-{name}"
    return folder


def socket_path(home: Path) -> Path:
    """Name the socket of the broker."""
    return socket_folder(home) / "valkey.sock"


def broker_url(home: Path) -> str:
    """Give the broker's address for Celery."""
    return f"redis+socket://{socket_path(home)}?virtual_host=0"


def redis_url(home: Path) -> str:
    """Give its address for everything else, which uses another logical database."""
    return f"unix://{socket_path(home)}?db=1"


def is_there(home: Path) -> bool:
    """Tell whether the broker of `home` has a socket, and one of ours."""
    socket = socket_path(home)
    return socket.is_socket() and socket.lstat().st_uid == os.getuid()
