"""The commands of deliveries."""
