import pytest

from libs.service.databases import database
from libs.service.env import ConfigurationError


def test_nothing_said_means_a_sqlite_file_with_immediate_transactions(tmp_path):
    settings = database("", tmp_path / "x.sqlite3")

    assert settings["NAME"] == str(tmp_path / "x.sqlite3")
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_postgresql_address_is_taken_apart(tmp_path):
    settings = database("postgresql://to%40do:p%2Fw@db:5433/todo", tmp_path)

    assert (settings["USER"], settings["PASSWORD"]) == ("to@do", "p/w")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db", "5433", "todo")


@pytest.mark.parametrize("url", ["mysql://db/x", "postgresql:///todo", "postgresql://db", "postgresql://db:x/todo"])
def test_other_addresses_are_refused_by_name(tmp_path, url):
    with pytest.raises(ConfigurationError, match="MT_DATABASE_URL"):
        database(url, tmp_path)
