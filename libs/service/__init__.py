"""What makes a folder a service: base settings, the `serve`, `worker` and `token` commands, health, system checks."""
