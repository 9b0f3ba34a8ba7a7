"""The only door of the theme into our code. To drop django-unfold, import these three from Django instead."""

from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, AuthenticationForm, UserChangeForm, UserCreationForm
from unfold.sites import UnfoldAdminSite as AdminSite

__all__ = [
    "SHIPS_HTMX",
    "AdminPasswordChangeForm",
    "AdminSite",
    "AuthenticationForm",
    "ModelAdmin",
    "UserChangeForm",
    "UserCreationForm",
]

#: Whether the theme's pages load htmx themselves.
SHIPS_HTMX = True
