"""W3C Trace Context, with the examples of the recommendation."""

import pytest

from libs.telemetry.trace import Traceparent, new_traceparent, parse_traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def test_a_header_is_read_and_written_back() -> None:
    value = f"00-{TRACE}-{SPAN}-01"
    parsed = parse_traceparent(value)
    assert parsed == Traceparent(TRACE, SPAN, sampled=True)
    assert str(parsed) == value
    assert str(Traceparent(TRACE, SPAN, sampled=False)).endswith("-00")


@pytest.mark.parametrize("value", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"])
def test_later_versions_are_read_as_far_as_this_one_goes(value: str) -> None:
    assert parse_traceparent(value) == Traceparent(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
        f"cc-{TRACE}-{SPAN}-01.what",
    ],
)
def test_what_is_invalid_is_none(value: str) -> None:
    assert parse_traceparent(value) is None


def test_a_child_stays_in_the_trace() -> None:
    parent = new_traceparent(sampled=False)
    child = parent.child()
    assert (child.trace_id, child.sampled) == (parent.trace_id, False)
    assert child.span_id != parent.span_id
    assert parse_traceparent(str(child)) == child
