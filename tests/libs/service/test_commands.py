import subprocess
import sys
from io import StringIO

import jwt
import pytest
from django.core.management import CommandError, call_command

from libs.service import platform
from libs.service.env import ConfigurationError
from libs.service.identity import verifier
from libs.service.serve import check_free, listen


def test_token_prints_a_token_for_the_named_audience(settings):
    out = StringIO()

    call_command("token", aud="todo", ttl=60, stdout=out)

    assert verifier().verify(out.getvalue().strip()).service == settings.SERVICE
    claims = jwt.decode(out.getvalue().strip(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize("options", [{"aud": "nobody"}, {"ttl": 0}, {"ttl": 3601}])
def test_token_refuses_an_unknown_audience_and_a_wrong_ttl(options):
    with pytest.raises(CommandError, match="--"):
        call_command("token", **options)


def test_a_service_without_a_queue_has_no_worker(settings):
    settings.WORKER_QUEUES = []

    with pytest.raises(CommandError, match="no worker"):
        call_command("worker")


@pytest.mark.django_db
def test_a_start_is_refused_in_one_line_where_a_check_fails(settings):
    settings.INSTANCE = "Todo 1"

    with pytest.raises(CommandError, match=r"^MT_INSTANCE: 'Todo 1'[^\n]*$"):
        platform.refuse_unready()


@pytest.mark.django_db
def test_only_a_start_needs_a_broker(settings):
    settings.BROKER_URL = ""

    call_command("check")
    with pytest.raises(CommandError, match=r"^MT_BROKER_URL[^\n]*$"):
        platform.refuse_unready()


@pytest.mark.django_db(transaction=True)
def test_a_start_is_refused_where_migrations_are_missing():
    platform.refuse_unready()
    call_command("migrate", "webapi", "zero", verbosity=0)
    try:
        with pytest.raises(CommandError, match="1 migrations are missing"):
            platform.refuse_unready()
    finally:
        call_command("migrate", "webapi", verbosity=0)


def test_a_taken_port_is_named():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=f"^MT_HTTP_PORT: can't listen on 127.0.0.1:{port}: Address already"
        ):
            listen("127.0.0.1", port)
        with pytest.raises(
            ConfigurationError, match=f"^MT_GRPC_PORT: can't listen on 127.0.0.1:{port}: Address already"
        ):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)
    check_free("127.0.0.1", 0)


def test_a_host_that_is_none_is_named():
    with pytest.raises(ConfigurationError, match=r"^MT_HOST: [^\n]*'host\.invalid'"):
        listen("host.invalid", 0)


def test_a_wrong_variable_ends_manage_with_one_line(monkeypatch):
    monkeypatch.setenv("MT_HTTP_PORT", "99999")
    done = subprocess.run(
        [sys.executable, "-c", "from libs.service.manage import main; main('tests.libs.settings')", "check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "tests: MT_HTTP_PORT: '99999' is wrong: write a whole number from 0 to 65535"
    ]
