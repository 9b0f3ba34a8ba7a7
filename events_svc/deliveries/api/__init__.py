"""The HTTP API of Events, for other services over the bridge; nothing of it is public."""
