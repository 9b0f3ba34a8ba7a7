from typing import Any

import pytest
from django.core.checks import run_checks

RATES = "write a count from 1 to 1000000 per second, minute, hour or day, as 600/minute, or off"


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
        ("GATEWAY_SERVICES", "{", "MT_GATEWAY_SERVICES"),
        ("GATEWAY_SERVICES", "[]", "MT_GATEWAY_SERVICES"),
        ("GATEWAY_SERVICES", '{"todo": 5}', "MT_GATEWAY_SERVICES"),
        ("GATEWAY_SERVICES", '{"todo": {"timeuot": 5}}', "MT_GATEWAY_SERVICES"),
        ("GATEWAY_SERVICES", '{"todo": {"rate": "often"}}', "MT_GATEWAY_SERVICES"),
        ("GATEWAY_RATE_USER", "1200", "MT_GATEWAY_RATE_USER"),
        ("GATEWAY_RATE_TOKEN", "none", "MT_GATEWAY_RATE_TOKEN"),
        ("GATEWAY_RATE_ADDRESS", "0/minute", "MT_GATEWAY_RATE_ADDRESS"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(settings: Any, name: str, value: Any, variable: str) -> None:
    found = messages(settings, **{name: value})

    assert len(found) == 1
    assert found[0].startswith(f"{variable}: ")


@pytest.mark.parametrize("origins", [["*"], ["https://app.test", "http://[::1]:3000"]])
def test_origins_and_the_star_pass(settings: Any, origins: list[str]) -> None:
    assert messages(settings, CORS_ORIGINS=origins) == []


def test_all_that_is_wrong_with_what_services_get_is_said_at_once(settings: Any) -> None:
    found = messages(settings, GATEWAY_SERVICES='{"todo": {"timeuot": 5, "max_body": 1}, "auth": {"rate": "5/week"}}')

    assert len(found) == 1
    assert found[0].split("; ") == [
        "MT_GATEWAY_SERVICES: todo: there is no 'timeuot': write timeout, max_body, max_in_flight, rate",
        f"auth: rate: '5/week' is wrong: {RATES}",
    ]
