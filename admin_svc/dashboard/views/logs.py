"""The log page and the records it loads; the live tail is in `consumers`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from admin_svc.dashboard import selectors
from admin_svc.dashboard.logfilter import LEVELS, SINCE, log_filter, since_time
from admin_svc.dashboard.views.page import render
from libs.contracts.errors import ServiceError
from libs.contracts.names import SERVICES


@require_GET
def logs(request: HttpRequest) -> HttpResponse:
    """Show the page; its script reads the filter from the address."""
    context = {
        "filter": log_filter(request.GET.dict()),
        "since": request.GET.get("since", ""),
        "services": SERVICES,
        "levels": LEVELS,
        "periods": [(key, label) for key, (label, _period) in SINCE.items()],
        "instances": _instances(),
    }
    return render(request, "dashboard/logs.html", "Logs", context)


@require_GET
def records(request: HttpRequest) -> HttpResponse:
    """Give a page of records, the newest first: {items, next_cursor}, or {detail} with the failure's status."""
    filters = {**log_filter(request.GET.dict()), **since_time(request.GET.get("since"))}
    try:
        answer = selectors.logs_page(filters=filters, cursor=request.GET.get("cursor", ""))
    except ServiceError as error:
        return JsonResponse({"detail": error.detail}, status=error.status)
    return JsonResponse({"items": answer["items"], "next_cursor": answer.get("next_cursor")})


def _instances() -> list[str]:
    try:
        return sorted({str(one["instance"]) for one in selectors.log_sources() if one.get("instance")})
    except ServiceError:
        return []
