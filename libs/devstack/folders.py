"""A private place for sockets."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from libs.service.env import ConfigurationError

#: Paths of Unix sockets end at 104 (macOS) or 108 bytes (Linux).
LONGEST_SOCKET = 100


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
