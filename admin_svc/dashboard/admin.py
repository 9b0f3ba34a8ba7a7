"""Django's admin for the dashboard's records (to read only) and for its own staff."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from admin_svc.dashboard.models import AuditEntry, Transition
from admin_svc.dashboard.theme import AdminPasswordChangeForm, ModelAdmin, UserChangeForm, UserCreationForm

admin.site.unregister([User, Group])


class RecordAdmin(ModelAdmin):
    """Records that nobody adds, changes or deletes by hand."""

    date_hierarchy = "at"
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False


@admin.register(Transition)
class TransitionAdmin(RecordAdmin):
    """The journal of state changes."""

    list_display = ("at", "service", "instance", "before", "after", "version", "address")
    list_filter = ("service", "after")
    search_fields = ("instance",)


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    """Who did what."""

    list_display = ("at", "username", "verb", "target", "failure")
    list_filter = ("verb",)
    search_fields = ("username", "target")


@admin.register(User)
class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # the theme overrides Django's fields
    """The dashboard's users."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]  # as above
    """Groups of the dashboard's users."""
