"""Lists as Stripe returns them: the newest first. localstripe's begin with the oldest.

Stripe: "Pagination" (API Reference).
"""

from typing import Any

from localstripe.resources import StripeObject

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


def install() -> None:
    oldest_first = StripeObject._api_list_all.__func__

    def list_newest_first(cls: type[Any], url: str, *words: Any, **parameters: Any) -> Any:
        found = oldest_first(cls, url, *words, **parameters)
        found._list.reverse()
        return found

    StripeObject._api_list_all = classmethod(list_newest_first)
