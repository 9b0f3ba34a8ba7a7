"""Ranks: texts whose byte order is the order of things, with always room for one more between two of them.

A rank is an integer and a fraction in base 62. The first character tells the integer's length (`a` is one digit, `b`
two; `Z`, `Y`, … are negative ones), so appending and prepending count up and down and ranks stay short; only placing
between two neighbours makes a fraction. The scheme is that of "Implementing Fractional Indexing" by David Greenspan
(https://observablehq.com/@dgreensp/implementing-fractional-indexing).
"""

from itertools import takewhile
from string import ascii_lowercase, ascii_uppercase, digits

DIGITS = digits + ascii_uppercase + ascii_lowercase
FIRST = "a0"


def between(low: str | None, high: str | None) -> str:
    """Give a rank above `low` and below `high`; None stands for the open end. ValueError where low >= high."""
    if low is not None and high is not None:
        return _inside(low, high)
    if high is not None:
        return _before(high)
    return FIRST if low is None else _stepped(_integer(low), +1)


def _inside(low: str, high: str) -> str:
    if low >= high:
        raise ValueError(f"{low} is not below {high}")
    integer = _integer(low)
    if integer == _integer(high):
        return integer + _middle(low[len(integer) :], high[len(integer) :])
    following = _stepped(integer, +1)
    return following if following < high else integer + _middle(low[len(integer) :], "")


def _before(high: str) -> str:
    """Take the integer itself where `high` has a fraction, else one less."""
    integer = _integer(high)
    return integer if integer < high else _stepped(integer, -1)


def _integer(rank: str) -> str:
    head = rank[0]
    length = ord(head) - ord("a") + 2 if head >= "a" else ord("Z") - ord(head) + 2
    return rank[:length]


def _stepped(integer: str, step: int) -> str:
    """Count an integer up or down; its head changes where the digits overflow."""
    head, places = integer[0], list(integer[1:])
    spent, fresh = ("z", "0") if step > 0 else ("0", "z")
    for index in reversed(range(len(places))):
        if places[index] != spent:
            places[index] = DIGITS[DIGITS.index(places[index]) + step]
            return head + "".join(places)
        places[index] = fresh
    return _with_other_head(head, places, step)


def _with_other_head(head: str, places: list[str], step: int) -> str:
    if (head, step) in {("Z", +1), ("a", -1)}:
        return FIRST if step > 0 else "Zz"
    if (head, step) in {("z", +1), ("A", -1)}:
        raise ValueError("there are no more ranks at this end")
    following = chr(ord(head) + step)
    grows = (following > "a") if step > 0 else (following < "Z")
    longer = [*places, "0" if step > 0 else "z"]
    return following + "".join(longer if grows else places[1:])


def _middle(low: str, high: str) -> str:
    """Give a fraction between two; an empty `high` stands for one. Fractions never end in 0."""
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(low.ljust(len(high), "0"), high, strict=False))))
    if high and shared:
        return high[:shared] + _middle(low[shared:], high[shared:])
    first = DIGITS.index(low[0]) if low else 0
    last = DIGITS.index(high[0]) if high else len(DIGITS)
    if last - first > 1:
        return DIGITS[(first + last) // 2]
    if len(high) > 1:
        return high[0]
    return DIGITS[first] + _middle(low[1:], "")
