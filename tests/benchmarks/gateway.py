"""What a request costs in the gateway, beside nginx, Envoy and a proxy written with aiohttp.

All stand in front of the same trivial answer, a kilobyte of JSON, and take turns in rounds: the proxy on the first
core, the load and the upstreams on the second. Each turn has a closed loop, for requests per second of the proxy's CPU
time (all its processes), then an open loop at a fixed rate, for the latency that it adds to the upstream's own.
The gateway is the real process and does all it does: it follows the Registry, checks tokens, asks for ended sessions,
keeps the rules of headers, limits rates in a Redis, counts, and ships its access log. Its upstream speaks the bridge,
that of the others HTTP.
Not shown: TLS, large bodies, many instances, and what the services behind the gateway pay for the bridge.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from libs.devstack import broker
from libs.service import embedded
from libs.testing.ports import free_ports
from tests.benchmarks import proxies
from tests.benchmarks import registry as registries
from tests.benchmarks.http_load import Target, load
from tests.benchmarks.load import Result
from tests.benchmarks.processes import Cpu, pinned
from tests.benchmarks.proxies import ISSUER, PROXIES, Server, World, program
from tests.benchmarks.tables import Cell, table
from tests.benchmarks.upstreams import BODY, PATH
from tests.system.stack import eventually

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "1.5"))
CLIENTS = int(os.environ.get("MT_BENCH_CLIENTS", "16"))
ROUNDS = int(os.environ.get("MT_BENCH_ROUNDS", "6"))
RATE = float(os.environ.get("MT_BENCH_RATE", "200"))  # requests per second
WARM_UP = 0.3  # seconds
OURS, PLAIN, STRAIGHT = "this gateway", "aiohttp proxy", "no proxy"
RATIO_BAR, ADDED_BAR = 1.5, 1.0  # times the aiohttp proxy; ms
COLUMNS = (
    "", "requests per CPU-s", "ratio", "in rounds", "its core", "load's core", f"CPU µs at {RATE:g}/s",
    "added p50 ms", "added p99 ms", "failed",
)  # fmt: skip


def main() -> int:
    """Start all, let them take turns, print; the exit code tells whether any request failed."""
    cores = sorted(os.sched_getaffinity(0))
    hints = [*proxies.missing(), *(["two cores are needed"] if len(cores) < 2 else [])]
    if hints:
        print("\n".join(hints), file=sys.stderr)
        return 2
    print(f"{ROUNDS} rounds of {SECONDS:g} s on {CLIENTS} connections and {SECONDS:g} s at {RATE:g} requests a second")
    with pinned(cores[1]), world() as (behind, backs, token), ExitStack() as stack:
        servers = {STRAIGHT: Server(behind.http_port, backs[0])}
        with pinned(cores[0]):
            servers |= {name: stack.enter_context(proxies.running(name, behind)) for name in PROXIES}
        turns = take_turns(servers, [os.getpid(), *backs], token)
    print(table(COLUMNS, [row(name, turns) for name in PROXIES]))
    print(straight(turns[STRAIGHT]))
    print(bars(turns))
    return int(any(turn.failures for each in turns.values() for turn in each))


@dataclass(slots=True)
class Turn:
    """What one turn of a proxy measured."""

    closed: Result
    cpu: Cpu
    load: Cpu
    paced: Result
    paced_cpu: Cpu

    @property
    def per_cpu_second(self) -> float:
        return self.closed.answers / self.cpu.seconds

    @property
    def failures(self) -> int:
        return self.closed.failures + self.paced.failures

    def ms(self, share: float) -> float:
        """Give a percentile of the latency at the fixed rate."""
        return self.paced.percentile(share)


Turns = Mapping[str, Sequence[Turn]]


@contextmanager
def world() -> Iterator[tuple[World, list[int], str]]:
    """Run what is behind the proxies; give it, the pids of both upstreams (HTTP's first), and a user's token."""
    with registries.running() as registry, tempfile.TemporaryDirectory(prefix="mtb-") as name, ExitStack() as stack:
        folder, home = Path(name), registry.plan.home
        valkey = (str(broker.binary()), str(broker.write_config(home)))
        stack.enter_context(program(valkey, folder / "valkey.log"))
        eventually(lambda: embedded.is_there(home), within=10, what="the embedded broker")
        jwks, token = make_keys(registry.plan.keys)
        (port,) = free_ports(1)
        arguments = (("http", str(port)), ("services", registry.address, str(registry.plan.keys)))
        pids = []
        for each in arguments:
            command = (sys.executable, "-m", "tests.benchmarks.upstreams", *each)
            log = folder / f"{each[0]}.log"
            process = stack.enter_context(program(command, log))
            eventually(lambda log=log: "ready" in log.read_text(), within=30, what=f"the upstream {each[0]}")
            pids.append(process.pid)
        yield World(folder, port, registry, jwks), pids, token


def make_keys(folder: Path) -> tuple[Path, str]:
    """Make Auth's key; give the file of its JWKS, and a user's access token."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [{**public, "kid": "key-1", "alg": "ES256", "use": "sig"}]}))
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": ISSUER, "sub": "01936d5e-5b7a-7c3e-8000-000000000001", "jti": "token-1",
        "sid": "01936d5e-5b7a-7c3e-8000-000000000002", "scope": "lists:read lists:write", "iat": now,
        "exp": now + 3600,
    }  # fmt: skip
    return jwks, jwt.encode(claims, key, algorithm="ES256", headers={"typ": "at+jwt", "kid": "key-1"})


def take_turns(servers: Mapping[str, Server], pids: Sequence[int], token: str) -> Turns:
    """Wait until all answer, then measure each in turn, round by round; `pids` are of the load and what it shares."""
    targets = {name: Target(server.port, request(token), len(BODY)) for name, server in servers.items()}
    for name, target in targets.items():
        eventually(lambda target=target: answers(target), within=60, what=f"{name} answers")
    turns: dict[str, list[Turn]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            turns[name].append(turn(targets[name], server.pids, pids))
    return turns


def request(token: str) -> bytes:
    """Write what a client of the API sends."""
    headers = {
        "Host": "api.example.org",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept": "application/json",
        "Accept-Language": "en-GB,en;q=0.7",
        "Accept-Encoding": "gzip, deflate, br",
        "Authorization": f"Bearer {token}",
    }
    lines = [f"GET {PATH}?limit=50 HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answers(target: Target) -> bool:
    """Tell whether the good answer comes."""
    try:
        return not load(target, clients=1, seconds=0.01).failures
    except OSError:
        return False


def turn(target: Target, server: Sequence[int], others: Sequence[int]) -> Turn:
    """Measure a closed loop, then an open one; give the CPU time of the server's and of the load's processes."""
    load(target, clients=CLIENTS, seconds=WARM_UP)
    with Cpu(*server) as cpu, Cpu(*others) as load_cpu:
        closed = load(target, clients=CLIENTS, seconds=SECONDS)
    with Cpu(*server) as paced_cpu:
        paced = load(target, clients=CLIENTS, seconds=SECONDS, rate=RATE)
    return Turn(closed, cpu, load_cpu, paced, paced_cpu)


def row(name: str, turns: Turns) -> Sequence[Cell]:
    """Write the figures of one proxy: medians over the rounds, so that no stall of the machine decides."""
    mine, compared = turns[name], ratios(name, turns)
    return (
        name,
        statistics.median(turn.per_cpu_second for turn in mine),
        statistics.median(compared),
        f"{min(compared):.2f}-{max(compared):.2f}",
        statistics.median(turn.cpu.share for turn in mine),
        statistics.median(turn.load.share for turn in mine),
        1e6 * sum(turn.paced_cpu.seconds for turn in mine) / sum(turn.paced.answers for turn in mine),
        *added(name, turns),
        sum(turn.failures for turn in mine),
    )


def ratios(name: str, turns: Turns) -> list[float]:
    """Compare the requests per CPU-second with those of the aiohttp proxy, in each round."""
    pairs = zip(turns[name], turns[PLAIN], strict=True)
    return [mine.per_cpu_second / plain.per_cpu_second for mine, plain in pairs]


def added(name: str, turns: Turns) -> list[float]:
    """Give by how much a proxy's median and 99th percentile exceed the upstream's median of the same round, in ms."""
    pairs = list(zip(turns[name], turns[STRAIGHT], strict=True))
    return [statistics.median(own.ms(share) - base.ms(0.5) for own, base in pairs) for share in (0.5, 0.99)]


def straight(turns: Sequence[Turn]) -> str:
    """Say what the load alone can do, and the latency that the others add to."""
    rate = statistics.median(turn.closed.rate for turn in turns)
    p50, p99 = (statistics.median(turn.ms(share) for turn in turns) for share in (0.5, 0.99))
    return f"no proxy: {rate:,.0f} a second, p50 {p50:.2f} ms and p99 {p99:.2f} ms at {RATE:g} a second"


def bars(turns: Turns) -> str:
    """Say whether the gateway is where it should be."""
    ratio, extra = statistics.median(ratios(OURS, turns)), added(OURS, turns)[0]
    return (
        f"bars: {ratio:.2f} of {RATIO_BAR:g} times the aiohttp proxy ({'met' if ratio >= RATIO_BAR else 'not met'}), "
        f"{extra:.2f} of {ADDED_BAR:g} ms added ({'met' if extra <= ADDED_BAR else 'not met'})"
    )
