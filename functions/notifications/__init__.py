"""Notifications to users: in their list, and by e-mail."""
