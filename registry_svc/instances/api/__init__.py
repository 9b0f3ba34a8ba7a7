"""The HTTP interface of the Registry."""
