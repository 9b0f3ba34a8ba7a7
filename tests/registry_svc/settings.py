"""The Registry's settings under test."""

from registry_svc.config.settings import *
from libs.testing.settings import *

GRPC_PORT = 0
