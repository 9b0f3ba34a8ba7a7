"""Deliveries: which facts there are, who wants them, and who has them."""
