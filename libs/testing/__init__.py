"""For tests only: the settings overlay, the pytest plugin and the client that calls a service as the bridge would."""
