"""Serializers are kept for the next check: nothing of one check is left to another."""

from typing import Any

import pytest
from rest_framework import serializers

from libs.contracts.errors import ValidationFailed
from libs.webapi.serializers import Strict, validated


class Inner(Strict):
    number = serializers.IntegerField()


class Body(Strict):
    name = serializers.CharField()
    inner = Inner(required=False)

    def validate_name(self, value: str) -> str:
        return f"{self.context.get('greeting', '')}{value}"


def test_what_one_check_found_is_not_told_by_the_next() -> None:
    with pytest.raises(ValidationFailed):
        validated(Body, {"inner": {"number": "x"}})

    assert validated(Body, {"name": "a"}) == {"name": "a"}
    assert validated(Body, {"name": "a", "inner": {"number": 1}}) == {"name": "a", "inner": {"number": 1}}


def test_each_check_has_its_own_context() -> None:
    assert validated(Body, {"name": "a"}, greeting="Hello ") == {"name": "Hello a"}
    assert validated(Body, {"name": "a"}) == {"name": "a"}


def test_a_patch_and_a_whole_body_are_told_apart_also_in_what_is_nested() -> None:
    patch: dict[str, Any] = {"inner": {}}

    assert validated(Body, patch, partial=True) == {"inner": {}}
    with pytest.raises(ValidationFailed) as caught:
        validated(Body, {"name": "a", **patch})
    assert [error.pointer for error in caught.value.errors] == ["/inner/number"]
