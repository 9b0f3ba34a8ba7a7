"""What a filter may say."""

from admin_svc.dashboard.logfilter import MAX_LENGTH, log_filter, since_time


def test_known_fields_are_kept_and_trimmed() -> None:
    assert log_filter({"service": " todo ", "q": "", "shoe": "42"}) == {"service": "todo"}


def test_a_level_that_does_not_exist_is_dropped() -> None:
    assert log_filter({"level": "ERROR"}) == {"level": "error"}
    assert log_filter({"level": "loud"}) == {}


def test_long_values_are_cut() -> None:
    assert len(log_filter({"q": "x" * 999})["q"]) == MAX_LENGTH


def test_what_is_no_mapping_is_no_filter() -> None:
    assert log_filter(["todo"]) == {}


def test_a_period_becomes_a_time() -> None:
    assert "T" in since_time("15m")["since"]
    assert since_time("forever") == {}
