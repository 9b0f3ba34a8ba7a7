"""Names on the wire, in one place. They never follow a module's path and never change."""

SERVICES = ("registry", "gateway", "auth", "todo", "events", "logger", "admin")

#: Celery tasks.
TASK_PUBLISH = "events.publish"  # {source, events: [...]} to QUEUE_EVENTS
TASK_RECEIVE = "events.receive"  # {subscription, events: [...]} to subscriber_queue(service)
TASK_ACKNOWLEDGE = "events.acknowledge"  # {results: [{delivery, ok, error}]} to QUEUE_ACKS

#: Queues.
QUEUE_EVENTS = "events"
QUEUE_ACKS = "events.acks"


def subscriber_queue(service: str) -> str:
    """Name the queue on which `service` receives events."""
    return f"{service}.events"


#: Channel-layer groups of the dashboard: small control messages only.
CONTROL_GROUP = "control.{topic}"
