"""System checks."""

import pytest

from auth_svc.accounts.checks import token_settings


def found(settings, **values):
    for name, value in values.items():
        setattr(settings, name, value)
    return [error.id for error in token_settings(None)]


def test_the_defaults_are_sane(settings):
    assert found(settings) == []


@pytest.mark.parametrize("word", ["", "two words", None])
@pytest.mark.parametrize("name", ["TOKEN_ISSUER", "TOKEN_AUDIENCE"])
def test_issuer_and_audience_are_single_words(settings, name, word):
    assert found(settings, **{name: word}) == ["accounts.E001"]


@pytest.mark.parametrize("seconds", [0, 601])
def test_access_tokens_live_ten_minutes_at_most(settings, seconds):
    assert found(settings, ACCESS_TOKEN_SECONDS=seconds) == ["accounts.E002"]


def test_a_session_outlives_its_refresh_tokens(settings):
    assert found(settings, REFRESH_TOKEN_DAYS=91) == ["accounts.E003"]
