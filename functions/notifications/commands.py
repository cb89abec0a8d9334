"""What the notifications domain can be told to do."""

from msgspec import Struct


class SendEmails(Struct, frozen=True, forbid_unknown_fields=True):
    """Send the e-mails that are due."""
