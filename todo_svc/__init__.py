"""The TODO service: lists, tasks, sharing."""
