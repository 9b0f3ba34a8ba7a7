"""Settings of the Logger suite."""

from logger_svc.config.settings import *
from libs.testing.settings import *

LOG_STORE_DIR = str(HOME / "logs")
