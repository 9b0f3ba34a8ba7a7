"""What every suite lays over its service's settings: throw-away keys and database, no broker, a fast hasher.

The database is a file, because an in-memory one ignores the busy timeout; `MT_TEST_DATABASE_URL` names a PostgreSQL
server to use instead.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from libs.service.databases import database, sqlite
from libs.testing.keys import write_keys

HOME = Path(tempfile.mkdtemp(prefix="mt-test-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
KEYS_DIR = HOME / "keys"
write_keys(KEYS_DIR)

SECRET_KEY = "only-for-tests-only-for-tests-only-for-tests-only-for-tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EVENTBUS_TRANSPORT = "memory"
BROKER_URL = "memory://"
REDIS_URL = ""
DRAIN_SECONDS = 0.0
METRICS_TOKEN = "metrics-for-tests"  # noqa: S105
_url = os.environ.get("MT_TEST_DATABASE_URL", "")
DATABASES = {"default": database(_url, HOME / "db.sqlite3") if _url else sqlite(HOME / "db.sqlite3")}
if not _url:
    DATABASES["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}
EMBEDDED = not _url
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
