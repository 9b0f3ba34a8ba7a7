"""Settings of the Admin service's suite."""

from admin_svc.config.settings import *
from libs.testing.settings import *

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DASHBOARD_SOURCE = "admin_svc.dashboard.sources.recording.RecordingSource"
