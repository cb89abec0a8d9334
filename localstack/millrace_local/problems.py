"""The local cloud's errors: each message says what was wrong and what to do, and is all that a user is shown."""


class LocalCloudError(Exception):
    """Something the user can mend. The command prints the message and exits with 1."""
