from http import HTTPStatus

from libs.contracts import errors
from libs.contracts.errors import ServiceError, ValidationFailed


def all_errors(root=ServiceError):
    for cls in root.__subclasses__():
        yield cls
        yield from all_errors(cls)


def test_each_error_has_a_real_status_a_code_of_its_own_and_a_text():
    own = [cls for cls in all_errors() if cls.__module__ == errors.__name__]

    assert len({cls.code for cls in own}) == len(own)
    for cls in own:
        assert HTTPStatus(cls.status).phrase == cls.title()
        assert cls().detail


def test_a_single_field_error_names_the_field():
    error = ValidationFailed.of("/due", "invalid", "not a date")

    assert error.errors[0].pointer == "/due"
    assert error.detail == "not a date"
