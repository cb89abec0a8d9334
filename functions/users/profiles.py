"""Profiles, cached by user id."""

from uuid import UUID

from kernel.storage.cache import Cache
from users import store
from users.database import transaction
from users.model import Profile

cached = Cache("users.profile", Profile, seconds=60)


def get(user_id: UUID) -> Profile | None:
    """Return the profile, or None if the account does not exist."""
    return cached.get_or_load(user_id, lambda: _load(user_id))


def _load(user_id: UUID) -> Profile | None:
    with transaction() as connection:
        return store.profile(connection, user_id)
