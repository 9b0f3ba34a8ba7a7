"""What the service does: lists and tasks that people share."""
