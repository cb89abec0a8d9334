"""user-events: delete the answers kept for who deleted their account."""

from kernel.messaging import forgetting

handler = forgetting.consumer_of(__name__)
