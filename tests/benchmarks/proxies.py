"""The proxies that `gateway` compares, each started in front of its upstream. What they write goes to files."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from libs.devstack.plan import ROOT, manage
from libs.testing.ports import free_ports
from tests.benchmarks.registry import HOST, Registry, end
from tests.benchmarks.upstreams import PATH
from tests.system.stack import with_descendants

ISSUER = "micro-todo"  # of access tokens, and their audience


@dataclass(frozen=True, slots=True)
class World:
    """What stands behind the proxies: a folder for files, the HTTP upstream's port, a Registry, Auth's keys (JWKS)."""

    folder: Path
    http_port: int
    registry: Registry
    jwks: Path


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens on a port."""

    port: int
    pid: int

    @property
    def pids(self) -> list[int]:
        """All its processes."""
        return with_descendants([self.pid])


Command: TypeAlias = tuple[str, ...]


def missing() -> list[str]:
    """Say for each program that is not here how to install it."""
    found = {
        "nginx is not installed: apt-get install nginx-light (and stop the server that it may start)": nginx_program(),
        "Envoy is not installed: make bench does it, or uv sync --group bench": envoy_program(),
        "aiohttp is not installed: make bench does it, or uv sync --group bench": importlib.util.find_spec("aiohttp"),
    }
    return [hint for hint, program in found.items() if not program]


def ours(world: World, port: int) -> tuple[Command, dict[str, str]]:
    """Give the command of the real gateway, with all that it does, and its environment."""
    own = {"MT_HTTP_PORT": str(port), "MT_SUPERVISED": "1"}
    return manage("gateway", "serve"), {**world.registry.plan.environment("gateway"), **own}


def nginx(world: World, port: int) -> tuple[Command, dict[str, str]]:
    """Give nginx's: one worker, connections kept alive on both sides, an access log, nothing about tokens."""
    folder = world.folder / "nginx"
    folder.mkdir()
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in NGINX_TEMPORARY)
    text = NGINX.format(host=HOST, port=port, upstream=world.http_port, path=PATH, folder=folder, temporary=temporary)
    (folder / "nginx.conf").write_text(text)
    errors = str(folder / "error.log")
    return (nginx_program(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", errors), {}


def envoy(world: World, port: int) -> tuple[Command, dict[str, str]]:
    """Give Envoy's: one worker thread, tokens checked with Auth's keys and remembered, an access log."""
    file = world.folder / "envoy.json"
    file.write_text(json.dumps(envoy_configuration(world, port)))
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    return (envoy_program(), "-c", str(file), *options), {}


def aiohttp(world: World, port: int) -> tuple[Command, dict[str, str]]:
    """Give that of the proxy written with aiohttp."""
    upstream = f"http://{HOST}:{world.http_port}"
    return (sys.executable, "-m", "tests.benchmarks.aiohttp_proxy", str(port), upstream, str(world.jwks), ISSUER), {}


PROXIES: dict[str, Callable[[World, int], tuple[Command, dict[str, str]]]] = {
    "this gateway": ours,
    "nginx, no tokens": nginx,
    "Envoy": envoy,
    "aiohttp proxy": aiohttp,
}


@contextmanager
def running(name: str, world: World) -> Iterator[Server]:
    """Start a proxy, on the core that this thread keeps to."""
    (port,) = free_ports(1)
    command, environment = PROXIES[name](world, port)
    with program(command, world.folder / f"{name}.log", environment) as process:
        yield Server(port, process.pid)


@contextmanager
def program(
    command: Command, log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """Run a program until the end of the context; what it writes goes to `log`."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MT_", "DJANGO_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=outside | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        end(process)


def nginx_program() -> str:
    """Give the path of nginx, empty where there is none."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") or ""


NGINX_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
NGINX = """
user root;  # of use to root alone: its worker could not enter the folder else
daemon off;
worker_processes 1;
pid {folder}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log combined;
    {temporary}
    keepalive_requests 1000000000;
    upstream service {{
        server {host}:{upstream};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {host}:{port};
        location {path} {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Request-ID $request_id;
        }}
    }}
}}
"""


def envoy_program() -> str:
    """Give the path of Envoy's program in its wheel, empty where that is not installed."""
    found = importlib.util.find_spec("envoy")
    program = Path(found.origin).parent / "_bin" / "envoy" if found and found.origin else None
    return str(program) if program and program.exists() else ""


def envoy_configuration(world: World, port: int) -> dict[str, Any]:
    """Write one listener, one route and one cluster."""
    routes = [{"match": {"prefix": PATH}, "route": {"cluster": "service"}}]
    manager = {
        "stat_prefix": "http",
        "access_log": [
            _typed("access_loggers.file.v3.FileAccessLog", path=str(world.folder / "envoy.access.log")),
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [_tokens(world.jwks), _typed("filters.http.router.v3.Router")],
    }
    http = _typed("filters.network.http_connection_manager.v3.HttpConnectionManager", **manager)
    endpoint = {"endpoint": {"address": _address(world.http_port)}}
    cluster = {
        "name": "service",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "service", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    listener = {"address": _address(port), "filter_chains": [{"filters": [http]}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _tokens(jwks: Path) -> dict[str, Any]:
    provider = {
        "issuer": ISSUER,
        "audiences": [ISSUER],
        "local_jwks": {"inline_string": jwks.read_text()},
        "jwt_cache_config": {"jwt_cache_size": 1000},
    }
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "auth"}}
    return _typed("filters.http.jwt_authn.v3.JwtAuthentication", providers={"auth": provider}, rules=[rule])


def _typed(kind: str, **fields: Any) -> dict[str, Any]:
    config = {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **fields}
    return {"name": kind, "typed_config": config}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
