"""Postgres, its migrations, and the cache in Redis."""
