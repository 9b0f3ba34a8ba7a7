"""`make bench`: what this machine does, measured side by side. `make bench BENCH="registry_kills"` runs those named.

No row is a promise and none is a test: the load shares the machine with what it measures, so compare rows of one run.
docs/benchmarks.md says what each shows and what not.
"""

import importlib
import os
import platform
import sys
import time

NAMES = (
    "system", "chain", "gateway", "gateway_bodies", "registry_resolve", "registry_kills", "registry_scale",
    "registry_watch", "events",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; the exit code tells whether any of them failed."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    return max([run(name) for name in names or NAMES])


def run(name: str) -> int:
    """Run one benchmark below its title."""
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    code = importlib.import_module(f"tests.benchmarks.{name}").main()
    print(f"({time.monotonic() - began:.0f} s)", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
