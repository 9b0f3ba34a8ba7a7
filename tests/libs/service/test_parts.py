import pytest

from libs.service.parts import Parts

calls: list[str] = []


class First:
    def start(self):
        calls.append("first starts")

    def stop(self):
        calls.append("first stops")


class Second(First):
    def start(self):
        calls.append("second starts")

    def stop(self):
        calls.append("second stops")
        raise RuntimeError("it does not want to")


class Broken(First):
    def start(self):
        raise RuntimeError("it does not start")


@pytest.fixture(autouse=True)
def no_calls():
    calls.clear()


def named(*classes):
    return Parts.named([f"{__name__}.{cls.__name__}" for cls in classes])


def test_parts_start_in_order_and_stop_in_reverse_whatever_one_does():
    parts = named(First, Second)

    parts.start()
    parts.stop()

    assert calls == ["first starts", "second starts", "second stops", "first stops"]


def test_only_what_was_started_is_stopped():
    parts = named(First, Broken)
    with pytest.raises(RuntimeError):
        parts.start()

    parts.stop()

    assert calls == ["first starts", "first stops"]
