"""What is kept of the client's own words."""

from auth_svc.accounts.services.devices import Device


def test_a_user_agent_is_cut_to_what_can_be_stored():
    assert Device.of("10.0.0.1", "x" * 1000) == Device("10.0.0.1", "x" * 255)


def test_null_characters_are_dropped():
    assert Device.of("", "a\0b").user_agent == "ab"
