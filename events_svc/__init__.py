"""Events: subscriptions, the event log, deliveries."""
