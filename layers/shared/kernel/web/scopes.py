"""The scopes that an access token may have: endpoints require them, and operators grant them."""

from collections.abc import Mapping
from typing import Literal

type Scope = Literal["user", "catalog:write", "notifications:write"]

SCOPES: Mapping[Scope, str] = {
    "user": "every account has it",
    "catalog:write": "change products",
    "notifications:write": "notify other users",
}
