"""Sealing, and refresh tokens that only this server can follow."""

import pytest
from cryptography.fernet import InvalidToken

from auth_svc.accounts import crypto

OTHER = "another-secret-another-secret-another-secret-another-secret"


def test_what_is_sealed_can_be_opened_and_not_read():
    sealed = crypto.seal(b"secret")
    assert "secret" not in sealed
    assert crypto.unseal(sealed) == b"secret"


def test_sealing_twice_does_not_look_the_same():
    assert crypto.seal(b"secret") != crypto.seal(b"secret")


def test_a_seal_of_another_secret_does_not_open(settings):
    sealed = crypto.seal(b"secret")
    settings.SECRET_KEY = OTHER
    with pytest.raises(InvalidToken):
        crypto.unseal(sealed)


def test_an_earlier_secret_opens_what_it_sealed(settings):
    sealed = crypto.seal(b"secret")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], OTHER
    assert crypto.unseal(sealed) == b"secret"


def test_a_damaged_seal_does_not_open():
    sealed = crypto.seal(b"secret")
    with pytest.raises(InvalidToken):
        crypto.unseal(sealed[:-4] + "AAA=")


def test_keys_for_different_purposes_differ():
    assert crypto.derived_key(OTHER, "a") != crypto.derived_key(OTHER, "b")
    assert len(crypto.derived_key(OTHER, "a")) == 32


def test_refresh_tokens_are_long_and_never_the_same():
    tokens = {crypto.new_refresh_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith("mtr_") and len(token) == 47 for token in tokens)


def test_the_successor_is_always_the_same_and_looks_like_any_other():
    token = crypto.new_refresh_token()
    assert crypto.successor(token) == crypto.successor(token) != token
    assert len(crypto.successor(token)) == len(token)


def test_without_the_secret_nobody_can_tell_the_successor(settings):
    token = crypto.new_refresh_token()
    ours = crypto.successor(token)
    settings.SECRET_KEY = OTHER
    assert crypto.successor(token) != ours
