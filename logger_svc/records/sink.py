"""LocalSink: Logger's own logs go straight into its store, never through its own door."""

from datetime import UTC, datetime

from django.conf import settings

from libs.telemetry import Batch as ShippedBatch
from logger_svc.records import intake
from logger_svc.records.models import Batch, BatchKey
from logger_svc.records.services import batch_store


class LocalSink:
    """A telemetry sink."""

    def __call__(self, batch: ShippedBatch) -> None:
        """Store a batch; an error means that it is tried again."""
        service: str = settings.SERVICE
        taken = intake.read(intake.gunzip(batch.body), service=service, now=datetime.now(UTC))
        key = BatchKey(service, batch.instance, batch.boot, batch.sequence)
        batch_store(batch=Batch(taken.records, key))
