"""Settings of the gateway suite."""

from gateway_svc.config.settings import *
from libs.testing.settings import *
