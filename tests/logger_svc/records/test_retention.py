"""The part that drops old days."""

from datetime import UTC, datetime, timedelta

import pytest

from logger_svc.records.models import Batch
from logger_svc.records.retention import Retention
from logger_svc.records.stores import store
from tests.logger_svc.conftest import make_record
from tests.logger_svc.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_drops_what_is_too_old() -> None:
    now = datetime.now(UTC)
    store().write([Batch([make_record(message="old")])], now=now - timedelta(days=30))
    store().write([Batch([make_record(message="new")])], now=now)
    store().close()
    retention = Retention(pause=0.01)
    retention.start()
    until(lambda: store().bounds().first == 2)
    retention.stop()
