"""The local cloud's errors. A user sees the message alone, which says what was wrong and what to do."""


class LocalCloudError(Exception):
    """An error that the user can correct. The command prints the message and exits with 1."""
