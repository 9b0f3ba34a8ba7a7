"""A private place for sockets."""

import os
import stat
from pathlib import Path

from libs.service.embedded import socket_folder
from libs.service.env import ConfigurationError


def private_folder(home: Path) -> Path:
    """Give a folder (mode 0700) for sockets: below `home`, or in the temporary folder where that path is too long."""
    folder = socket_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    info = folder.lstat()
    if info.st_uid != os.getuid() or not stat.S_ISDIR(info.st_mode):
        raise ConfigurationError(f"{folder} belongs to somebody else")
    return folder
