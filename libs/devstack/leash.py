"""Runs a program that does not watch its supervisor, and ends it when the supervisor dies.

    python leash.py PROGRAM [ARGUMENT ...]

The supervisor holds the other end of standard input; its end of file means that nobody is left. Only the standard
library, so that the process stays small.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Run the program until it ends, a signal comes, or standard input closes; give its exit code."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.terminate())

    def watch() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        child.terminate()

    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
