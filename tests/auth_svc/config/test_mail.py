"""Where mail goes."""

import pytest

from auth_svc.config.mail import mail_settings
from libs.service.env import ConfigurationError


def test_without_a_server_mails_are_files(tmp_path):
    assert mail_settings("", tmp_path) == {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(tmp_path),
    }


def test_a_url_names_server_and_user(tmp_path):
    found = mail_settings("smtps://ann:p%40ss@mail.example.org", tmp_path)
    assert found["EMAIL_HOST_PASSWORD"] == "p@ss"
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_USER"]) == ("mail.example.org", 465, "ann")
    assert (found["EMAIL_USE_SSL"], found["EMAIL_USE_TLS"]) == (True, False)


def test_plain_smtp_must_be_asked_for_by_name(tmp_path):
    assert mail_settings("smtp://mail:2525", tmp_path)["EMAIL_USE_TLS"]
    assert not mail_settings("smtp+plain://mail:2525", tmp_path)["EMAIL_USE_TLS"]


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail", "smtp://", "smtp://mail:port"])
def test_a_wrong_url_is_named(tmp_path, url):
    with pytest.raises(ConfigurationError, match="MT_SMTP_URL"):
        mail_settings(url, tmp_path)
