"""Writing the ledger: storing what arrives, dispatching and acknowledging deliveries, subscribing, replaying."""
