"""Accounts: who may sign in, and how they stay signed in."""
