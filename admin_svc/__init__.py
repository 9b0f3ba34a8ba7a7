"""The Admin service: the operations dashboard."""
