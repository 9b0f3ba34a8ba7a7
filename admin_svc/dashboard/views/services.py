"""The overview of all services and the page of one instance."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_partial
from django.views.decorators.http import require_GET, require_POST

from admin_svc.dashboard import selectors
from admin_svc.dashboard import services as actions
from admin_svc.dashboard.board import board, instance_shown
from admin_svc.dashboard.views.page import act, member, partial_context, render

VERBS = {"drain": "is draining", "maintenance": "is in maintenance", "resume": "is back"}


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Show all services and instances."""
    return render(request, "dashboard/services.html", "Services", _overview())


@require_GET
def overview_partial(request: HttpRequest) -> HttpResponse:
    """Give the part of the overview that changes, for pages whose socket is down."""
    return render_partial(request, "dashboard/_services.html", {**partial_context(request), **_overview()})


@require_GET
def instance_detail(request: HttpRequest, service: str, instance: str) -> HttpResponse:
    """Show one instance with the history of its states, also when it is gone."""
    shown = instance_shown(service, instance)
    history = selectors.transitions(service=service, instance=instance, limit=100)
    if shown is None and not history:
        raise Http404
    context = {"service": service, "instance": instance, "shown": shown, "transitions": history}
    return render(request, "dashboard/instance.html", instance, context)


@require_POST
def instance_action(request: HttpRequest, service: str, instance: str, verb: str) -> HttpResponse:
    """Drain an instance, put it into maintenance, or resume it."""
    if verb not in VERBS:
        raise Http404
    return act(
        request,
        lambda: actions.instance_act(user=member(request), service=service, instance=instance, verb=verb),
        topic="services",
        done=f"{instance} {VERBS[verb]}.",
        back="admin:dashboard_services",
    )


def _overview() -> dict[str, object]:
    return {"board": board(), "transitions": selectors.transitions(limit=10)}
