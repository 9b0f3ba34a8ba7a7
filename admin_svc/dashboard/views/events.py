"""The events page: subscribers, recent events, deliveries, dead letters, retry, giving up and replay."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.shortcuts import render as render_partial
from django.views.decorators.http import require_GET, require_POST

from admin_svc.dashboard import services as actions
from admin_svc.dashboard.eventledger import STATUSES, ledger
from admin_svc.dashboard.forms import ReplayForm
from admin_svc.dashboard.views.page import act, member, partial_context, render

PAGE = "admin:dashboard_events"


@require_GET
def events(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    return render(request, "dashboard/events.html", "Events", {**_events(request), "replay": ReplayForm()})


@require_GET
def events_partial(request: HttpRequest) -> HttpResponse:
    """Give the part of the page that changes."""
    return render_partial(request, "dashboard/_events.html", {**partial_context(request), **_events(request)})


@require_POST
def retry(request: HttpRequest, delivery: str) -> HttpResponse:
    """Send a dead delivery again."""
    return act(
        request,
        lambda: actions.delivery_retry(user=member(request), delivery=delivery),
        topic="events",
        done="The delivery is on its way again.",
        back=PAGE,
    )


@require_POST
def skip(request: HttpRequest, delivery: str) -> HttpResponse:
    """Give a dead delivery up."""
    return act(
        request,
        lambda: actions.delivery_skip(user=member(request), delivery=delivery),
        topic="events",
        done="The delivery is given up; later events of its aggregate go on.",
        back=PAGE,
    )


@require_POST
def replay(request: HttpRequest) -> HttpResponse:
    """Send past events again to a subscriber."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        messages.error(
            request, "; ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in form.errors.items())
        )
        return redirect(PAGE)
    wanted = form.cleaned_data
    return act(
        request,
        lambda: actions.replay_start(
            user=member(request),
            subscriber=wanted["subscriber"],
            since=wanted["since"].isoformat(),
            until=wanted["until"].isoformat() if wanted["until"] else "",
            event_type=wanted["type"],
            aggregate_id=wanted["aggregate_id"],
            per_second=wanted["per_second"] or 0.0,
        ),
        topic="events",
        done=_started(wanted),
        back=PAGE,
    )


def _started(wanted: Mapping[str, Any]) -> str:
    until = f" until {wanted['until']:%d %b %H:%M}" if wanted["until"] else ""
    pace = f", {wanted['per_second']:g} a second" if wanted["per_second"] else ""
    return f"Events since {wanted['since']:%d %b %H:%M}{until} UTC go to {wanted['subscriber']} again{pace}."


def _events(request: HttpRequest) -> dict[str, object]:
    status = request.GET.get("status", "")
    shown = status if status in STATUSES else ""
    return {"ledger": ledger(status=shown), "status": shown, "statuses": STATUSES}
