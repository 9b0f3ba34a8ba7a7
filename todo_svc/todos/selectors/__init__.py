"""Reading: what a user may see, and the 404 for all else. Nothing here changes anything."""
