"""The first administrator of an embedded system."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


@pytest.fixture
def password_file(tmp_path: Path, settings: Any) -> Path:
    settings.KEYS_DIR = tmp_path
    return tmp_path / "admin.password"


def run() -> str:
    out = StringIO()
    call_command("ensure_admin", stdout=out)
    return out.getvalue().strip()


def test_the_administrator_is_made_once_with_the_generated_password(password_file: Path) -> None:
    password_file.write_text("generated\n")
    assert [run(), run()] == ["admin created", "admin exists"]
    admin = User.objects.get(username="admin")
    assert admin.is_superuser
    assert admin.check_password("generated")


def test_a_changed_password_is_left_alone(password_file: Path) -> None:
    password_file.write_text("generated")
    User.objects.create_superuser("admin", password="her own")
    run()
    assert User.objects.get().check_password("her own")


@pytest.mark.parametrize("content", [None, ""])
def test_without_a_password_nobody_is_made(password_file: Path, content: str | None) -> None:
    if content is not None:
        password_file.write_text(content)
    with pytest.raises(CommandError, match=r"admin\.password"):
        run()
    assert not User.objects.exists()
