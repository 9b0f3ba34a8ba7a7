"""Forms: the sign-in with its brake, and a replay of events."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from admin_svc.dashboard import selectors, services
from admin_svc.dashboard.theme import AuthenticationForm


class LoginForm(AuthenticationForm):
    """The admin's sign-in; after too many failures it stays closed for some minutes, even to the right password."""

    retry_after = 0

    def clean(self) -> dict[str, Any]:
        """Authenticate, unless the door is closed."""
        who = {"username": self.cleaned_data.get("username") or "", "address": address_of(self.request)}
        self.retry_after = selectors.login_retry_after(**who)
        if self.retry_after:
            raise ValidationError(f"Too many failed sign-ins. Try again in {self.retry_after} seconds.", code="closed")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            services.login_failure_record(**who)
            raise
        services.login_failures_forget(**who)
        return cleaned


class ReplayForm(forms.Form):
    """Which past events a subscriber shall get again."""

    subscriber = forms.SlugField(max_length=63)
    type = forms.CharField(max_length=100, required=False)
    aggregate_id = forms.CharField(max_length=200, required=False)
    since = forms.DateTimeField(help_text="UTC")
    until = forms.DateTimeField(help_text="UTC", required=False)
    per_second = forms.FloatField(min_value=0, max_value=1000, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a time that ends before it begins: no event is in it."""
        given = self.cleaned_data
        if given.get("since") and given.get("until") and given["until"] <= given["since"]:
            self.add_error("until", "It is not after since.")
        return given


def address_of(request: HttpRequest | None) -> str:
    """Give the client's address as the server saw it."""
    return str(request.META.get("REMOTE_ADDR", "")) if request else ""
