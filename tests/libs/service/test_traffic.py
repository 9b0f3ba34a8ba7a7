import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.service import traffic
from libs.service.traffic import Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/second", Rate(5, 1)),
        ("600/minute", Rate(600, 60)),
        ("1/hour", Rate(1, 3600)),
        ("1000000/day", Rate(1_000_000, 86_400)),
        ("off", None),
    ],
)
def test_a_rate_is_read_and_written_alike(text, rate):
    assert Rate.parse(text) == rate
    assert rate is None or str(rate) == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "600",
        "0/minute",
        "-1/minute",
        "1.5/minute",
        "1000001/day",
        "5/week",
        "²/minute",
        "/hour",
        b"600/minute",
        None,
    ],
)
def test_another_rate_is_refused_with_what_to_write(value):
    with pytest.raises(ValueError, match="as 600/minute, or off"):
        Rate.parse(value)


def test_what_is_right_in_a_declaration_is_read_and_the_rest_is_named():
    found, wrong = traffic.read({"timeout": 5, "max_body": -1, "max_in_flight": 7, "rate": "off", "max": 1})

    assert found == {"timeout": 5.0, "max_in_flight": 7, "rate": None}
    assert wrong == [
        "max_body: -1 is wrong: write a whole number from 1",
        "there is no 'max': write timeout, max_body, max_in_flight, rate",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("timeout", value) for value in (0, 3601, "soon", "nan", "inf", True, None, [])),
        *(("max_body", value) for value in (0, 1.5, "1_000", "²", True, None)),
        *(("max_in_flight", value) for value in (0, "-1", "")),
    ],
)
def test_a_value_out_of_its_range_is_not_read(key, value):
    found, wrong = traffic.read({key: value})

    assert found == {}
    assert len(wrong) == 1


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "timeout": st.floats(0.1, 3600),
            "max_body": st.integers(1, 2**40),
            "max_in_flight": st.integers(1, 10_000),
            "rate": st.builds(Rate, st.integers(1, 1_000_000), st.sampled_from([1, 60, 3600, 86_400])).map(str),
        },
    )
)
def test_a_declaration_arrives_through_the_metadata_as_it_was_made(declared):
    arrived, wrong = traffic.read(traffic.from_metadata({**traffic.to_metadata(declared), "owner": "me"}))

    assert wrong == []
    assert (arrived, []) == traffic.read(declared)


def test_what_only_a_later_version_declares_is_left_out():
    assert traffic.from_metadata({"traffic.timeout": "5", "traffic.colour": "red"}) == {"timeout": "5"}
