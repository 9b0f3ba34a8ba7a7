"""The Django app of lists and tasks."""

from django.apps import AppConfig


class TodosConfig(AppConfig):
    """Registers the system checks."""

    name = "todo_svc.todos"
    label = "todos"

    def ready(self) -> None:
        """Load the checks, which register themselves."""
        from todo_svc.todos import checks  # noqa: F401, PLC0415
