"""user-events: blank the descriptions of the transactions of who deleted their account."""

from kernel.messaging import forgetting

handler = forgetting.consumer_of(__name__)
