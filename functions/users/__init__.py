"""Accounts: registration, passwords, sessions, profiles, and the keys that sign access tokens."""
