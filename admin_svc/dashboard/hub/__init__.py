"""The hub: one per process, it watches the platform once and shows it to all open pages."""
