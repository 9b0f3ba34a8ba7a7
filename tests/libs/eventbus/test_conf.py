"""The broker's settings, and the brokers that are refused."""

import pytest
from celery import Celery
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from libs.eventbus import conf
from libs.eventbus.checks import broker_is_supported
from libs.eventbus.queues import DEAD_LETTERS, declarations, queue


@pytest.mark.parametrize(
    "url", ["redis+cluster://h:6379", "rediss+cluster://h", "redis-cluster://h:1", "RedisCluster://h"]
)
def test_redis_cluster_is_refused_with_advice(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Sentinel"):
        conf.settings_for(url)


@pytest.mark.parametrize("url", ["", "kafka://h", "sqs://", "localhost:6379"])
def test_a_broker_that_would_lose_events_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="MT_BROKER_URL"):
        conf.broker_kind(url)


def test_the_start_is_refused_in_one_line() -> None:
    with override_settings(BROKER_URL="redis+cluster://h:6379"):
        (error,) = broker_is_supported(None)
    assert "Redis Cluster" in str(error.msg)
    assert broker_is_supported(None) == []


def test_memory_is_refused_outside_tests() -> None:
    with override_settings(EVENTBUS_TRANSPORT="celery"):
        (error,) = broker_is_supported(None)
    assert "MT_BROKER_URL: memory:// reaches no other process" in str(error.msg)


@pytest.mark.parametrize("url", ["redis://:pw@h:6379/0", "rediss://h", "redis+socket:///tmp/s?virtual_host=0"])
def test_redis_looks_for_lost_tasks_often_and_longer_than_any_task_runs(url: str) -> None:
    found = conf.settings_for(url)
    options = found["broker_transport_options"]
    assert options["visibility_timeout"] > found["task_time_limit"] > found["task_soft_time_limit"]
    assert (options["unacked_restore_interval"], options["unacked_restore_throttle"]) == (5, 1)


def test_sentinel_takes_the_name_of_its_master_from_the_address() -> None:
    found = conf.settings_for("sentinel://a:26379/0?master_name=events")
    assert found["broker_url"] == "sentinel://a:26379/0"
    assert found["broker_transport_options"]["master_name"] == "events"


def test_rabbitmq_confirms_and_replicates() -> None:
    found = conf.settings_for("amqp://u:p@h:5672//")
    assert found["broker_transport_options"] == {"confirm_publish": True}
    assert found["task_default_queue_type"] == "quorum"


def test_celery_knows_every_setting() -> None:
    app = Celery("check", set_as_current=False)
    known = set(app.conf.keys()) | {"visibility_timeout", "CELERY_DB_REUSE_MAX"}
    assert set(conf.settings_for("amqp://h")) | set(conf.settings_for("redis://h")) <= known


def test_rabbitmq_queues_are_quorum_queues_with_dead_letters() -> None:
    with override_settings(BROKER_URL="amqp://h"):
        arguments = queue("todo.events").queue_arguments
        assert [each.name for each in declarations("todo.events")] == [DEAD_LETTERS, "todo.events"]
    assert arguments["x-queue-type"] == "quorum"
    assert arguments["x-dead-letter-exchange"] == DEAD_LETTERS


def test_redis_queues_are_plain() -> None:
    assert [each.name for each in declarations("todo.events")] == ["todo.events"]
    assert queue("todo.events").queue_arguments is None
