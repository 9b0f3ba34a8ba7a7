"""Runs a program that does not watch its supervisor, and ends it when the supervisor dies.

    python leash.py PROGRAM [ARGUMENT ...]

On Linux the program takes this process's place with a death signal set (prctl(2), PR_SET_PDEATHSIG), so that whoever
kills "it" kills the program itself. Elsewhere this process stays and watches its standard input, whose other end the
supervisor holds. Only the standard library, so that it starts at once.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the program; give its exit code where this process stays beside it."""
    if sys.platform == "linux":
        become(sys.argv[1:], parent=os.getppid())
    return watch(sys.argv[1:])


def become(command: list[str], parent: int) -> None:
    """Turn into `command`, which gets SIGTERM when `parent` dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the signal was set
        sys.exit(1)
    os.execv(command[0], command)


def watch(command: list[str]) -> int:
    """Run `command` until it ends, a signal comes, or standard input closes; give its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.terminate())

    def wait() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        child.terminate()

    threading.Thread(target=wait, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
