import time
from types import SimpleNamespace

import pytest

from libs import discovery
from libs.service.serve import CpuMeter, Instance


def test_the_cpu_meter_counts_the_cores_used_since_the_last_question():
    meter = CpuMeter()
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert 0.02 < meter.cores() <= 2.0
    began = meter._since[0]
    assert meter.cores() >= 0.0
    assert meter._since[0] > began


@pytest.fixture
def registered(monkeypatch):
    """What `_make_lease` would register, as a function."""

    def made(registration, *_):
        return registration

    monkeypatch.setattr(discovery, "Lease", made)
    return lambda: Instance._make_lease(SimpleNamespace(load=None))


def test_the_registration_says_what_the_service_wants_of_the_gateway(settings, registered):
    assert registered().metadata == {}

    settings.TRAFFIC = {"timeout": 2.5, "max_body": 52428800, "rate": "600/minute"}

    assert registered().metadata == {
        "traffic.timeout": "2.5",
        "traffic.max_body": "52428800",
        "traffic.rate": "600/minute",
    }
