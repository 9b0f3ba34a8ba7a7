"""The theme's settings (django-unfold). Without the package, Django's plain admin shows the same pages."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

_TEAL = {
    "50": "oklch(98.4% .014 180.7)",
    "100": "oklch(95.3% .051 180.8)",
    "200": "oklch(91% .096 180.4)",
    "300": "oklch(85.5% .138 181.1)",
    "400": "oklch(77.7% .152 181.9)",
    "500": "oklch(70.4% .14 182.5)",
    "600": "oklch(60% .118 184.7)",
    "700": "oklch(51.1% .096 186.4)",
    "800": "oklch(43.7% .078 188.2)",
    "900": "oklch(38.6% .063 188.4)",
    "950": "oklch(27.7% .046 192.5)",
}


def _item(title: str, icon: str, view: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}")}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Micro TODO",
    "SITE_HEADER": "Micro TODO",
    "SITE_SUBHEADER": "Operations",
    "SITE_SYMBOL": "monitoring",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("dashboard/favicon.svg")}
    ],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": _TEAL},
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": "Operations",
                "items": [
                    _item("Services", "dns", "dashboard_services"),
                    _item("Logs", "subject", "dashboard_logs"),
                    _item("Events", "bolt", "dashboard_events"),
                    _item("Request timeline", "timeline", "dashboard_timeline"),
                ],
            },
            {
                "title": "Records",
                "separator": True,
                "items": [
                    _item("State changes", "history", "dashboard_transition_changelist"),
                    _item("Audit", "fact_check", "dashboard_auditentry_changelist"),
                ],
            },
            {
                "title": "Staff",
                "separator": True,
                "items": [
                    _item("Users", "person", "auth_user_changelist"),
                    _item("Groups", "group", "auth_group_changelist"),
                ],
            },
        ],
    },
}
