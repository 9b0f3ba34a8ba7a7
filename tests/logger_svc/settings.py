"""Settings of the Logger suite."""

import os

if "MT_TEST_POSTGRES_URL" in os.environ:  # the whole suite, against the store of the distributed mode
    os.environ["MT_TEST_DATABASE_URL"] = os.environ["MT_TEST_POSTGRES_URL"]

from logger_svc.config.settings import *
from libs.testing.settings import *

LOG_STORE_DIR = str(HOME / "logs")
