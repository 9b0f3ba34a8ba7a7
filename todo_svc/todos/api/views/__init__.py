"""One class per URL."""
