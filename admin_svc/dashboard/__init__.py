"""The dashboard: services, logs, events and requests of the whole system, live."""
