"""A victim of `registry_kills`: a process with a gRPC health service and a lease, as every service has, and no more.

    python -m tests.benchmarks.instance REGISTRY KEY ID

It prints "ready", registers as an instance of todo when it reads a line, and ends when its input does.
"""

import sys
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from libs.discovery import HealthSpec, Lease
from libs.identity.service_tokens import ServiceSigner, load_private_key
from tests.benchmarks.registry import HOST, registration

SERVICE = "todo"


def main(address: str, key: str, instance_id: str) -> None:
    """Serve, wait to be told, and hold the lease until the end."""
    server, port = health_server()
    mine = registration(SERVICE, instance_id, port, HealthSpec(kind="grpc"))
    lease = Lease(mine, [address], ServiceSigner(SERVICE, load_private_key(Path(key))))
    print("ready", flush=True)
    if sys.stdin.readline():
        lease.start()
        sys.stdin.readline()
        lease.stop()
    server.stop(0)


def health_server() -> tuple[grpc.Server, int]:
    """Start a server that says it serves; give it and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    return server, port


if __name__ == "__main__":
    main(*sys.argv[1:])
