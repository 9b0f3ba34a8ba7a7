"""No key, password or trace of somebody's machine is in the repository."""

import re

from tests.architecture.repository import ROOT, text_of, tracked_files

SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "a JWT": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    "a personal access token": re.compile(r"\bmtp_[A-Za-z0-9]{20,}"),
    "a cloud key": re.compile(r"\b(AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36})\b"),
}
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|home|Users|root)/\w")


def test_no_file_holds_a_secret():
    found = [
        f"{file.relative_to(ROOT)}: {what}"
        for file in tracked_files()
        for what, pattern in SECRETS.items()
        if pattern.search(text_of(file))
    ]
    assert found == []


def test_no_file_is_a_key_or_belongs_to_a_running_system():
    names = [str(file.relative_to(ROOT)) for file in tracked_files()]
    assert [n for n in names if n.endswith((".pem", ".secret", ".password", ".sqlite3"))] == []
    assert [n for n in names if n.startswith(("var/", "secrets/", ".env"))] == []


def test_git_ignores_what_make_writes():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"var/", "secrets/", ".env", ".venv*/"} <= set(ignored)


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    found = [str(file.relative_to(ROOT)) for file in tracked_files() if MACHINE_PATH.search(text_of(file))]
    assert found == []
