import pytest
from django.core.management.base import CommandError

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


def test_a_log_file_that_cannot_be_written_stops_the_start_with_one_line(settings, tmp_path):
    settings.LOG_FILE = str(tmp_path / "missing" / "log")
    with pytest.raises(CommandError, match=r"MT_LOG_FILE: can't write .*/missing/log: No such file"):
        platform.begin_logs()
