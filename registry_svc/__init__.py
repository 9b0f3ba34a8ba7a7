"""The Registry: which instances exist, are they well, which one to use."""
