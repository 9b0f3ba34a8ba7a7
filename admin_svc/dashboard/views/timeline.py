"""One request, followed through the logs and events of all services."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from admin_svc.dashboard.requesttimeline import request_timeline
from admin_svc.dashboard.views.page import render
from libs.contracts.errors import ServiceError

MAX_LENGTH = 64


@require_GET
def timeline(request: HttpRequest) -> HttpResponse:
    """Show the form, and the timeline of the request it names."""
    request_id = request.GET.get("request_id", "").strip()[:MAX_LENGTH]
    context: dict[str, object] = {"request_id": request_id}
    if request_id:
        try:
            context["timeline"] = request_timeline(request_id)
        except ServiceError as error:
            context["failure"] = error.detail
    return render(request, "dashboard/timeline.html", "Request timeline", context)
