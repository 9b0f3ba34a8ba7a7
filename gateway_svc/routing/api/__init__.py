"""The HTTP pages of the gateway itself."""
