"""An event as it travels."""

import pytest

from libs.eventbus import Envelope
from libs.eventbus.envelope import MalformedEnvelope
from tests.libs.eventbus.conftest import envelope


def test_an_envelope_survives_json_and_speaks_cloudevents() -> None:
    made = envelope(actor_id="ann", request_id="r-1")
    assert made.to_json()["specversion"] == "1.0"
    assert (made.source, made.type, made.subject) == ("todo", "todo.list.updated", "list/list-1")
    assert Envelope.from_json(made.to_json()) == made


def test_unknown_attributes_are_ignored() -> None:
    made = envelope()
    assert Envelope.from_json({**made.to_json(), "colour": "red"}) == made


@pytest.mark.parametrize("wrong", [[], None, {}, {"id": 7}, {"sequence": "1"}, {"data": []}])
def test_a_malformed_event_is_refused(wrong: object) -> None:
    value = {**envelope().to_json(), **wrong} if isinstance(wrong, dict) and wrong else wrong
    with pytest.raises(MalformedEnvelope):
        Envelope.from_json(value)
