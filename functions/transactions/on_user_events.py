"""user-events: blank the descriptions of the transactions of who deleted their account."""

from kernel import forgetting

handler = forgetting.consumer_of("transactions")
