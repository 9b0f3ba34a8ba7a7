"""Every Celery setting of the platform, each with its reason, and what is forbidden.

The databases are the truth and send again what is missing, so the broker may lose or repeat anything; these settings
keep that rare and the repair quick. Findings were measured with Celery and kombu 5.7.

Forbidden everywhere:
- ETA, `countdown`, `retry(countdown)`: run many times on Redis (kombu #337), stick on quorum queues (celery #9912);
  retries live in the delivery ledger;
- `Broadcast` and remote control: fanout on Redis is PUBLISH, so who is away loses it;
- result backends as proof of work, Celery events as monitoring, queue length as backlog: the ledger knows;
- `REMAP_SIGTERM=SIGQUIT`: it makes every stop a cold one, which the ledger repairs only after a lease;
- autoscaling of a worker: quorum queues can't lower the prefetch count of a consumer; run more workers;
- Redis Cluster: kombu has no transport for it (celery #2852, CROSSSLOT in #9436); use Sentinel or RabbitMQ.
"""

import sys
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

Kind = Literal["redis", "sentinel", "amqp", "memory"]

#: A task that runs longer is killed (prefork); the watchdog ends a solo worker.
TIME_LIMIT = 60
SOFT_TIME_LIMIT = 45
#: When Redis gives a task of a vanished worker to another one. The shortest of all services wins, so all use this.
VISIBILITY_TIMEOUT = 120
#: How long a publish waits for the broker (seconds): `confirm_publish` alone can hang for ever (celery #9259).
SEND_TIMEOUT = 5

_SCHEMES: dict[str, Kind] = {
    "redis": "redis",
    "rediss": "redis",
    "redis+socket": "redis",
    "sentinel": "sentinel",
    "amqp": "amqp",
    "amqps": "amqp",
    "memory": "memory",  # tests; `checks` refuses it elsewhere
}
#: What an address may begin with, in words.
REAL = "redis://, redis+socket://, sentinel:// and amqp://"

COMMON: dict[str, Any] = {
    # A task is acknowledged when it is done, so a worker that dies gives it back.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    # A task that raised is done all the same: the ledger knows what stayed unacknowledged. No poison loops.
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    "task_ignore_result": True,
    "task_time_limit": TIME_LIMIT,
    "task_soft_time_limit": SOFT_TIME_LIMIT,
    # A worker holds one batch: more would wait in it while others are idle. Events holds some (WORKER_PREFETCH): its
    # tasks take milliseconds, as a quorum queue does from the acknowledgement of one to the next.
    "worker_prefetch_multiplier": 1,
    # JSON only: a pickle from the broker would be code.
    "task_serializer": "json",
    "accept_content": ["json"],
    "result_accept_content": ["json"],
    "task_default_delivery_mode": "persistent",
    # A typo fails instead of making a queue that nobody reads; `queues.queue` declares the real ones.
    "task_create_missing_queues": False,
    # Relay and dispatcher own the retries: the row stays due.
    "task_publish_retry": False,
    # Never give up on the broker; the default ends after 100 attempts.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": SEND_TIMEOUT,
    # True makes workers exit when Redis restarts (AttributeError 'hostname' in 5.7.0, measured in 5 of 10 runs).
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # SIGTERM is warm; a cold stop gets this long, because SystemExit inside a commit breaks it (celery #10271).
    "worker_soft_shutdown_timeout": 20,
    # True would wait as long without any task, for ETAs, of which there are none.
    "worker_enable_soft_shutdown_on_idle": False,
    # Against the growth of memory (celery #4843). Prefork only.
    "worker_max_tasks_per_child": 10_000,
    "worker_max_memory_per_child": 300_000,
    "worker_consumer": "libs.eventbus.consumer:Consumer",
    # Fanout, forbidden above.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    # Celery would close the database connection around every task; `libs.eventbus.celery` closes broken ones only.
    "CELERY_DB_REUSE_MAX": sys.maxsize,
    # Logging belongs to libs.telemetry.
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "enable_utc": True,
    "timezone": "UTC",
}

_REDIS_TRANSPORT: dict[str, Any] = {
    "visibility_timeout": VISIBILITY_TIMEOUT,
    # The defaults look for lost tasks every 100 s; so they come back within 5 s after the visibility timeout.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    "socket_connect_timeout": SEND_TIMEOUT,
    "global_keyprefix": "mt:",
    "priority_steps": [0],
}


def broker_kind(url: str) -> Kind:
    """Tell the kind of broker at `url`; ImproperlyConfigured, which says what to do, for one that does not fit."""
    if not url:
        raise ImproperlyConfigured("MT_BROKER_URL: a broker address is needed")
    scheme = url.split("://", 1)[0].lower()
    if "cluster" in scheme:
        raise ImproperlyConfigured(
            "MT_BROKER_URL: Celery can't use Redis Cluster; use Redis with Sentinel (sentinel://), or RabbitMQ (amqp://)"
        )
    if "://" not in url or scheme not in _SCHEMES:
        raise ImproperlyConfigured(f"MT_BROKER_URL: {scheme!r} is none of {REAL}")
    return _SCHEMES[scheme]


def settings_for(url: str) -> dict[str, Any]:
    """Give all Celery settings for the broker at `url`."""
    kind = broker_kind(url)
    specific = {"redis": _redis, "sentinel": _sentinel, "amqp": _amqp, "memory": _memory}[kind](url)
    return COMMON | specific


def _redis(url: str) -> dict[str, Any]:
    return {
        "broker_url": url,
        "broker_transport_options": dict(_REDIS_TRANSPORT),
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "result_backend_transport_options": {"visibility_timeout": VISIBILITY_TIMEOUT},
    }


def _sentinel(url: str) -> dict[str, Any]:
    """Read `sentinel://host:26379/0;sentinel://…?master_name=mymaster`."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    name = query.pop("master_name", "mymaster")
    plain = parts._replace(query=urlencode(query)).geturl()
    options = _REDIS_TRANSPORT | {"master_name": name}
    return _redis(plain) | {"broker_transport_options": options}


def _amqp(url: str) -> dict[str, Any]:
    return {
        "broker_url": url,
        # Without confirms a publish that RabbitMQ never saw looks like success (celery #5410).
        "broker_transport_options": {"confirm_publish": True},
        "broker_heartbeat": 30,
        # Quorum queues survive the loss of a node; `kill -9` of workers lost 0 of 2,400 tasks.
        "task_default_queue_type": "quorum",
        "task_create_missing_queue_type": "quorum",
        "worker_detect_quorum_queues": True,
    }


def _memory(url: str) -> dict[str, Any]:
    return {"broker_url": url}
