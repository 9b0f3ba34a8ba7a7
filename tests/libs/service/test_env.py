import pytest

from libs.service import env
from libs.service.env import ConfigurationError


@pytest.fixture(autouse=True)
def restored_declarations(monkeypatch):
    monkeypatch.setattr(env, "DECLARED", {})


def test_a_variable_that_is_not_set_gives_its_default_and_is_listed():
    assert env.integer("MT_TEST_N", 7, help="A number.") == 7
    assert env.DECLARED["MT_TEST_N"].default == "7"


def test_values_are_parsed(monkeypatch):
    monkeypatch.setenv("MT_TEST_X", "a, b,")
    assert env.names("MT_TEST_X", help="") == ["a", "b"]
    monkeypatch.setenv("MT_TEST_X", "Off")
    assert env.boolean("MT_TEST_X", default=True, help="") is False
    monkeypatch.setenv("MT_TEST_X", "debug")
    assert env.choice("MT_TEST_X", "INFO", ("DEBUG", "INFO"), help="") == "DEBUG"
    monkeypatch.setenv("MT_TEST_X", "2.5")
    assert env.number("MT_TEST_X", 1.0, help="") == 2.5


def test_a_value_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "value").write_text("secret\n")
    monkeypatch.setenv("MT_TEST_X_FILE", str(tmp_path / "value"))

    assert env.secret("MT_TEST_X", help="") == "secret"


def test_a_missing_file_and_a_double_setting_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MT_TEST_X_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match="MT_TEST_X_FILE"):
        env.text("MT_TEST_X", help="")
    monkeypatch.setenv("MT_TEST_X", "1")
    with pytest.raises(ConfigurationError, match="both"):
        env.text("MT_TEST_X", help="")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.integer("MT_TEST_X", 1, maximum=5, help=""), "6"),
        (lambda: env.integer("MT_TEST_X", 1, help=""), "x"),
        (lambda: env.number("MT_TEST_X", 1.0, help=""), "nan"),
        (lambda: env.number("MT_TEST_X", 1.0, help=""), "-1"),
        (lambda: env.integer("MT_TEST_X", 1, help=""), "1.5"),
        (lambda: env.number("MT_TEST_X", 1.0, help=""), "soon"),
        (lambda: env.choice("MT_TEST_X", "INFO", ("INFO",), help=""), "loud"),
        (lambda: env.boolean("MT_TEST_X", default=True, help=""), "maybe"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_to_write(monkeypatch, read, value):
    monkeypatch.setenv("MT_TEST_X", value)

    with pytest.raises(ConfigurationError, match=f"^MT_TEST_X: '{value}' is wrong: write "):
        read()
