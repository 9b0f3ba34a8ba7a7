"""The Django app of accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the system checks."""

    name = "auth_svc.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Load the checks, which register themselves."""
        from auth_svc.accounts import checks  # noqa: F401, PLC0415
