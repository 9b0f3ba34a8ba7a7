import re

import pytest

from libs.identity import personal_tokens


def test_tokens_are_long_never_the_same_and_one_word():
    tokens = {personal_tokens.new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"mtp_[A-Za-z0-9]{51}", token) for token in tokens)


def test_what_was_made_is_well_formed_and_any_mistyped_letter_is_noticed():
    token = personal_tokens.new_token()

    assert personal_tokens.is_well_formed(token)
    for place in range(len(token)):
        other = "a" if token[place] != "a" else "b"
        assert not personal_tokens.is_well_formed(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("token", ["", "mtp_", "mtp_" + "a" * 51, "mtp_" + "ü" * 51, "eyJ.eyJ.x"])
def test_what_was_not_made_here_is_not_well_formed(token):
    assert not personal_tokens.is_well_formed(token)


def test_case_and_surroundings_count():
    token = personal_tokens.new_token()

    assert not any(map(personal_tokens.is_well_formed, (f" {token}", f"{token}\n", token.swapcase())))


def test_the_digest_is_the_same_for_the_same_token_only():
    one, other = personal_tokens.new_token(), personal_tokens.new_token()

    assert personal_tokens.digest(one) == personal_tokens.digest(one) != personal_tokens.digest(other)
    assert re.fullmatch(r"[0-9a-f]{64}", personal_tokens.digest(one))
