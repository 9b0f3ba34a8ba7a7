"""Real processes and a real Valkey: Events, a subscriber that is also the publisher, and SIGKILL."""
