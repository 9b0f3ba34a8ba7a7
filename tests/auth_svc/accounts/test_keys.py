"""Signing keys and what is published of them."""

from datetime import timedelta

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.utils.timezone import now

from auth_svc.accounts import selectors
from auth_svc.accounts.models import SigningKey
from auth_svc.accounts.services import housekeeping, keys
from libs.identity.user_tokens import InvalidAccessToken, UserTokenVerifier

pytestmark = pytest.mark.django_db


@pytest.fixture
def verifier(api):
    """What the gateway verifies with."""
    fetch = lambda: api.as_service("gateway").get("/.well-known/jwks.json").json()  # noqa: E731
    return UserTokenVerifier(fetch, issuer="micro-todo", audience="micro-todo")


def states():
    return sorted(SigningKey.objects.values_list("state", flat=True))


def test_an_access_token_has_the_form_of_rfc_9068(ann):
    token = ann.grant["access_token"]
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    assert claims["auth_time"] <= claims["iat"]
    assert (claims["iss"], claims["aud"], claims["client_id"]) == ("micro-todo", "micro-todo", "micro-todo")
    assert (claims["sub"], claims["sid"]) == (ann.id, ann.grant["session_id"])
    assert claims["scope"] == ann.grant["scope"]


def test_the_gateway_accepts_our_tokens(ann, verifier):
    principal = verifier.verify(ann.grant["access_token"])
    assert (principal.user_id, principal.session_id) == (ann.id, ann.grant["session_id"])
    assert "tasks:write" in principal.scopes


def test_no_two_tokens_have_the_same_id(ann, refresh):
    fresh = refresh(ann.grant["refresh_token"]).json()["access_token"]
    tokens = [ann.grant["access_token"], fresh]
    assert len({jwt.decode(token, options={"verify_signature": False})["jti"] for token in tokens}) == 2


def test_the_key_set_shows_current_and_next_key_without_private_parts(api):
    answer = api.anonymous().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    shown = answer.json()["keys"]
    assert len(shown) == 2
    for jwk in shown:
        assert set(jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("EC", "P-256", "sig", "ES256")


def test_private_keys_are_sealed(ann):
    for key in SigningKey.objects.all():
        assert "PRIVATE KEY" not in key.private_key


@pytest.mark.django_db(transaction=True)
def test_instances_that_start_at_once_agree_on_the_keys(at_once):
    found = at_once(6, lambda _: keys.keys_ensure().kid)
    assert len(set(found)) == 1
    assert states() == ["current", "next"]


def test_rotation_lets_the_next_key_sign_and_keeps_old_tokens_valid(ann, sign_in, verifier, published):
    announced = SigningKey.objects.get(state="next").kid
    call_command("rotate_keys")
    fresh = sign_in(ann.user).grant["access_token"]
    assert jwt.get_unverified_header(fresh)["kid"] == announced
    assert verifier.verify(ann.grant["access_token"]).user_id == verifier.verify(fresh).user_id == ann.id
    assert states() == ["current", "next", "previous"]
    (envelope,) = published.of("auth.key.rotated")
    assert (envelope.data, envelope.aggregate_id) == ({"key_id": announced}, announced)


def test_rotation_twice_in_a_row_keeps_both_old_keys(ann, verifier):
    keys.keys_rotate()
    keys.keys_rotate()
    assert states() == ["current", "next", "previous", "previous"]
    assert verifier.verify(ann.grant["access_token"])


@pytest.mark.django_db(transaction=True)
def test_parallel_rotations_leave_one_current_key(at_once):
    keys.keys_ensure()
    assert len(set(at_once(3, lambda _: keys.keys_rotate().kid))) == 3
    assert states() == ["current", "next", "previous", "previous", "previous"]


def test_a_previous_key_goes_when_its_last_token_is_dead(ann, api, verifier):
    before = selectors.jwks_version()
    keys.keys_rotate()
    rotated = selectors.jwks_version()
    SigningKey.objects.filter(state="previous").update(retires_at=now() - timedelta(seconds=1))
    assert len({before, rotated, selectors.jwks_version()}) == 3
    assert len(api.anonymous().get("/.well-known/jwks.json").json()["keys"]) == 2
    with pytest.raises(InvalidAccessToken):
        verifier.verify(ann.grant["access_token"])
    housekeeping.sweep()
    assert states() == ["current", "next"]


def test_keys_sealed_with_another_secret_stop_the_start_with_a_clear_line(settings):
    key = keys.keys_ensure()
    settings.SECRET_KEY = "another-secret-another-secret-another-secret-another-secret"
    with pytest.raises(ImproperlyConfigured, match="MT_SECRET_KEY"):
        keys.private_key(key)


def test_a_secret_can_be_replaced_while_the_old_one_is_known(settings):
    key = keys.keys_ensure()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-another-secret-another-secret-another-secret"
    assert keys.private_key(key).curve.name == "secp256r1"
