"""What all services share, in layers: each package imports only those below it (see docs/architecture.md)."""
