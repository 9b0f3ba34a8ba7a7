"""A database as it was before an update, for tests in which migrations meet data."""

from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Past:
    """The tables of `app` as `migration` left them, with what is in them; `go_on` brings them to the present."""

    def __init__(self, app: str, migration: str) -> None:
        """Go back; the other apps stay in the present."""
        executor = MigrationExecutor(connection)
        executor.migrate([(app, migration)])
        self._app = app
        self._models = executor.loader.project_state((app, migration)).apps

    def model(self, name: str) -> Any:
        """Give a model of `app` as it was."""
        return self._models.get_model(self._app, name)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Read all rows by table, in the columns of then."""
        return {
            model._meta.db_table: list(model.objects.order_by("pk").values())  # noqa: SLF001  (Django's public name)
            for model in self._models.get_app_config(self._app).get_models()
        }

    @staticmethod
    def go_on() -> None:
        """Run all migrations that are missing."""
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
