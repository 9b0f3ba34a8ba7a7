"""The table that `make up` ends with."""

from libs.devstack.plan import Plan


def summary(plan: Plan, seconds: float) -> str:
    """Say where everything is, and what to try next."""
    ports = plan.ports
    rows = {
        "API (gateway)": f"http://127.0.0.1:{ports.gateway}   explorer: http://127.0.0.1:{ports.gateway}/docs",
        "Registry": f"http://127.0.0.1:{ports.registry}   gRPC: 127.0.0.1:{ports.registry_grpc}",
        "Dashboard": f"http://127.0.0.1:{ports.admin}   user: admin, password in {plan.keys / 'admin.password'}",
        "Data, logs": f"{plan.home}   {plan.home / 'log'}",
        "Try next": "make demo",
    }
    width = max(map(len, rows))
    table = "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())
    return f"\nMicro TODO is ready after {seconds:.1f} s. Ctrl-C stops it.\n\n{table}\n"
