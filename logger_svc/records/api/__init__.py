"""The HTTP door, reached over the bridge."""
