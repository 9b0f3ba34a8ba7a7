import pytest

from libs.devstack.plan import STAGES, Plan, Ports, parse_scale
from libs.service.env import ConfigurationError


@pytest.fixture
def plan(tmp_path):
    return Plan.from_environment({"MT_HOME": str(tmp_path), "SCALE": "todo=2 gateway=2"})


def test_the_order_of_the_start_is_the_order_of_dependence(plan):
    names = [process.name for process in plan.processes()]

    assert names[:2] == ["registry-1", "logger-1"]
    assert names.index("todo-1") > names.index("auth-1")
    assert names[-3:] == ["events-worker-1", "auth-worker-1", "todo-worker-1"]
    assert list(STAGES)[-1] == "workers"


def test_scale_makes_instances_and_only_the_first_has_the_fixed_port(plan):
    by_name = {process.name: process for process in plan.processes()}

    assert {"todo-1", "todo-2", "gateway-1", "gateway-2"} <= by_name.keys()
    assert by_name["gateway-1"].environment["MT_HTTP_PORT"] == "8080"
    assert "MT_HTTP_PORT" not in by_name["gateway-2"].environment


def test_embedded_processes_share_a_private_socket(plan, tmp_path):
    environment = plan.environment("todo")

    assert environment["MT_BROKER_URL"] == f"redis+socket://{tmp_path}/run/valkey.sock?virtual_host=0"
    assert environment["MT_REDIS_URL"] == f"unix://{tmp_path}/run/valkey.sock?db=1"
    assert "MT_DATABASE_URL" not in environment
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_servers_of_ones_own_are_used_where_they_are_named(tmp_path):
    plan = Plan.from_environment(
        {
            "MT_HOME": str(tmp_path),
            "MT_POSTGRES_URL": "postgresql://u:p@db:5432/",
            "MT_BROKER_URL": "amqp://mq",
            "MT_REDIS_URL": "redis://r",
        }
    )

    environment = plan.environment("todo")

    assert environment["MT_DATABASE_URL"] == "postgresql://u:p@db:5432/todo"
    assert (environment["MT_BROKER_URL"], environment["MT_REDIS_URL"]) == ("amqp://mq", "redis://r")


@pytest.mark.parametrize("text", ["registry=2", "logger=2", "todo=0", "todo=17", "todo", "todo=x", "billing=2"])
def test_a_scale_that_cannot_be_is_one_clear_line(text):
    with pytest.raises(ConfigurationError, match=r"^SCALE: [^\n]*todo[^\n]*$"):
        parse_scale(text)


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
def test_a_port_that_cannot_be_names_its_variable(port):
    with pytest.raises(ConfigurationError, match="MT_ADMIN_PORT"):
        Ports.from_environment({"MT_ADMIN_PORT": port})
