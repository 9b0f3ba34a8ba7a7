"""What all HTTP APIs of the platform do alike: problem+json, access, cursor pages, ETag, Idempotency-Key, OpenAPI."""
