"""Writing: each function is one transaction that changes, records and publishes, or does nothing of it."""
