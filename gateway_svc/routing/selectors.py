"""Reading the routing table for people."""

from gateway_svc.routing.table import OWN_SERVICE, RouteTable
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
