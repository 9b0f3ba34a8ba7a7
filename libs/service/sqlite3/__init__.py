"""Django's database backend for SQLite, for many writers (`base`)."""
