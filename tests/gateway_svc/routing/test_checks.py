from typing import Any

import pytest
from django.core.checks import run_checks


def messages(settings: Any, **changes: Any) -> list[str]:
    for name, value in changes.items():
        setattr(settings, name, value)
    return [str(message.msg) for message in run_checks() if str(message.id).startswith("gateway.")]


def test_the_defaults_pass(settings: Any) -> None:
    assert messages(settings) == []


@pytest.mark.parametrize(
    ("name", "value", "variable"),
    [
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "proxy.example.org"], "MT_GATEWAY_TRUSTED_PROXIES"),
        ("TRUSTED_PROXIES", ["10.0.0.1/8"], "MT_GATEWAY_TRUSTED_PROXIES"),
        ("CORS_ORIGINS", ["https://app.test/path"], "MT_CORS_ORIGINS"),
        ("CORS_ORIGINS", ["app.test"], "MT_CORS_ORIGINS"),
        ("TOKEN_ISSUER", " ", "MT_TOKEN_ISSUER"),
        ("TOKEN_AUDIENCE", "", "MT_TOKEN_AUDIENCE"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(settings: Any, name: str, value: Any, variable: str) -> None:
    found = messages(settings, **{name: value})

    assert len(found) == 1
    assert found[0].startswith(f"{variable}: ")


@pytest.mark.parametrize("origins", [["*"], ["https://app.test", "http://[::1]:3000"]])
def test_origins_and_the_star_pass(settings: Any, origins: list[str]) -> None:
    assert messages(settings, CORS_ORIGINS=origins) == []
