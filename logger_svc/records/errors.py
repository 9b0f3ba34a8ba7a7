"""What can go wrong with log records.

ServiceError
├── BadRequest
│   ├── InvalidCursor      400
│   ├── UnsearchableText   400
│   └── InvalidBatch       400
├── UnknownEncoding        415
├── TooManyRecords         413
├── QuotaExceeded          429
└── Unavailable
    ├── StoreBusy          503
    └── QueryTooSlow       503
"""

from libs.contracts.errors import BadRequest, PayloadTooLarge, ServiceError, TooManyRequests, Unavailable


class InvalidCursor(BadRequest):
    """The cursor is not one of ours."""

    code = "invalid_cursor"


class UnsearchableText(BadRequest):
    """The text to search for has no word, or too many."""

    code = "invalid_parameter"


class InvalidBatch(BadRequest):
    """The batch can't be read."""

    code = "invalid_batch"


class UnknownEncoding(ServiceError):
    """Send the body as it is, or with Content-Encoding: gzip."""

    status = 415
    code = "unsupported_encoding"


class TooManyRecords(PayloadTooLarge):
    """A batch holds at most 1,000 records and 1 MiB before compression."""

    code = "batch_too_large"


class QuotaExceeded(TooManyRequests):
    """This service writes more records a second than its quota."""

    code = "log_quota_exceeded"


class StoreBusy(Unavailable):
    """The log store can't take more just now."""

    code = "log_store_busy"


class QueryTooSlow(Unavailable):
    """The query takes too long: narrow it by service, level or time."""

    code = "query_too_slow"
