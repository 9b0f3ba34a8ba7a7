"""The table of idempotency keys."""

from django.db import models


class IdempotencyKey(models.Model):
    """A request that must not run twice: first a lease, then the answer that replays give."""

    scope = models.CharField(max_length=64, unique=True)  # SHA-256 of caller, method, path and key
    body_hash = models.CharField(max_length=64)
    locked_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        """Show the scope and what is known of the answer."""
        return f"{self.scope[:12]}: {self.status or 'running'}"
