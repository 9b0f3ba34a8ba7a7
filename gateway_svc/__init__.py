"""The gateway: the one door for clients."""
