"""Commands of the Registry."""
