"""Writing the ledger: storing or refusing events, dispatching and acknowledging deliveries, subscribing, replaying."""
