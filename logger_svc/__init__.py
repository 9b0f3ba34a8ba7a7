"""The Logger service: takes the log records of all services, keeps them for days, and finds them again."""
