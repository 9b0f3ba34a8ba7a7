"""Static files from the packages, and the policy that keeps pages on this host."""

import pytest
from django.test import Client

FILES = ["/static/dashboard/live.js", "/static/dashboard/dashboard.css", "/static/unfold/js/htmx/htmx.js"]


@pytest.mark.parametrize("path", FILES)
def test_static_files_come_without_a_collecting_step(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert not answer.streaming
    assert answer.content


def test_scripts_are_javascript_and_are_cached_for_a_while(client: Client) -> None:
    answer = client.get("/static/dashboard/live.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "max-age" in answer["Cache-Control"]


def test_an_unchanged_file_is_not_sent_again(client: Client) -> None:
    known = client.get("/static/dashboard/live.js")["Last-Modified"]
    assert client.get("/static/dashboard/live.js", headers={"If-Modified-Since": known}).status_code == 304


@pytest.mark.django_db
def test_an_unknown_static_file_is_not_found(client: Client) -> None:
    assert client.get("/static/dashboard/nothing.js").status_code == 404


def test_pages_may_load_nothing_from_elsewhere(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "http" not in policy
