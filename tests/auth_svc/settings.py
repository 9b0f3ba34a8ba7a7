"""Settings of the Auth suite."""

from auth_svc.config.settings import *
from libs.testing.settings import *
