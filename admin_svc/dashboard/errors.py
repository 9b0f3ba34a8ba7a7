"""What the dashboard refuses.

ServiceError
├── TooManyRequests
│   └── TooManyFilters   this process follows as many distinct log filters as it may
└── Unavailable
    └── RegistryAway     no registry answers
"""

from libs.contracts.errors import TooManyRequests, Unavailable


class TooManyFilters(TooManyRequests):
    """Too many different log filters are open; close a page or use a filter that is open already."""

    code = "too_many_filters"


class RegistryAway(Unavailable):
    """No registry answers."""

    code = "registry_away"
