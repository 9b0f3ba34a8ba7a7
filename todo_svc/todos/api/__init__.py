"""The HTTP door: parses, calls one service or selector, renders."""
