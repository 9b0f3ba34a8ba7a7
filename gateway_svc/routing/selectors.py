"""Reading the routing table and the state of upstreams for people."""

from collections.abc import Mapping
from typing import Any

from gateway_svc.routing.table import OWN_SERVICE, RouteTable
from gateway_svc.routing.upstream import Record, Service
from libs.discovery import Directory, Instance


def route_rows(directory: Directory) -> list[tuple[str, str, str]]:
    """Give (prefix, service, instances) of each route, in the order of prefixes."""
    table = RouteTable(directory)
    table.load()
    rows = [
        (route.prefix, route.service, "itself" if route.service == OWN_SERVICE else _shown(directory, route.service))
        for route in table.routes
    ]
    return sorted(rows)


def _shown(directory: Directory, service: str) -> str:
    return ", ".join(map(_instance, directory.instances(service)))


def _instance(instance: Instance) -> str:
    return f"{instance.id} {instance.grpc_address} {instance.state}"


def upstreams(directory: Directory, services: Mapping[str, Service]) -> list[dict[str, Any]]:
    """Tell of each service that was called, and of its instances, in the order of their names."""
    return [_upstream(name, services[name], directory) for name in sorted(services)]


def _upstream(name: str, service: Service, directory: Directory) -> dict[str, Any]:
    return {
        "service": name,
        "in_flight": service.in_flight,
        "breaker": service.breaker.state,
        "retries_left": service.budget.left,
        "instances": [_of_instance(service, instance) for instance in directory.instances(name)],
    }


def _of_instance(service: Service, instance: Instance) -> dict[str, Any]:
    record = service.records.get(instance.id, Record())
    return {
        "id": instance.id,
        "state": instance.state,
        "grpc_address": instance.grpc_address,
        "in_flight": record.in_flight,
        "requests": record.requests,
        "failures": record.failures,
        "failures_in_a_row": service.ejections.failures(instance.id),
        "ejected_seconds": round(service.ejections.seconds_left(instance.id), 1),
        "average_ms": round(record.average * 1000, 2),
    }
