"""The hash of production."""

from django.contrib.auth.hashers import check_password, make_password

from auth_svc.accounts.hashers import Argon2idHasher
from auth_svc.config import settings as production


def test_passwords_are_hashed_by_argon2id_with_the_parameters_of_owasp(settings):
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    encoded = make_password("correct horse battery")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("correct horse battery", encoded)
    assert not Argon2idHasher().must_update(encoded)
