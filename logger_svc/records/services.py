"""Writing: batches in, old days out."""

import functools
from concurrent.futures import TimeoutError as TookTooLong
from datetime import datetime

from django.conf import settings

from logger_svc.records.errors import StoreBusy
from logger_svc.records.models import Batch
from logger_svc.records.quota import Quota
from logger_svc.records.stores import store
from logger_svc.records.writer import writer

#: How long a sender waits for its commit (seconds); then it sends again, and the key keeps that from doubling.
PATIENCE = 4.0


def batch_store(*, batch: Batch) -> bool:
    """Store a batch and return when it is committed; False where it was stored before."""
    if not batch.records:
        return True
    try:
        return writer().submit(batch).result(timeout=PATIENCE)
    except TookTooLong as error:
        raise StoreBusy(retry_after=1) from error


def quota_take(*, service: str, count: int) -> None:
    """Count records against the quota of their service; QuotaExceeded where it is used up."""
    _quota(settings.LOG_QUOTA).take(service, count)


def quota_reset() -> None:
    """Forget what was taken."""
    _quota.cache_clear()


def records_prune(*, now: datetime) -> list[str]:
    """Drop what is too old or too much; name it."""
    return store().prune(now=now, days=settings.LOG_RETENTION_DAYS, max_bytes=settings.LOG_MAX_BYTES)


@functools.cache
def _quota(rate: int) -> Quota:
    return Quota(rate)
