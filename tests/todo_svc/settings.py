"""The TODO service's settings with the test overlay."""

from todo_svc.config.settings import *
from libs.testing.settings import *
