from libs import discovery
from libs.discovery import current
from libs.service import platform
from libs.telemetry import metrics


def test_metrics_tell_how_old_the_knowledge_of_the_instances_is(settings, monkeypatch):
    monkeypatch.setattr(current, "_installed", current._Installed())
    settings.REGISTERS = True
    monkeypatch.setattr(discovery.RegistryDirectory, "age", lambda self: 12.5)
    platform.connect()
    assert b"mt_discovery_age_seconds 12.5" in metrics.render()
