"""What services promise each other: plain Python, no framework."""
