"""Levels: names on the wire, numbers in the store; "at least" compares numbers."""

from types import MappingProxyType

NUMBERS = MappingProxyType({"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50})
NAMES = MappingProxyType({number: name for name, number in NUMBERS.items()})
#: From here on a level has an index of its own.
WARNING = NUMBERS["warning"]
