"""The scopes that an access token may have: what endpoints ask for is what operators can grant."""

from typing import Literal

type Scope = Literal["user", "catalog:write", "notifications:write"]
"""`user`: every account has it. `catalog:write`: change products. `notifications:write`: notify other users."""
