"""user-events: delete Stripe's ids and secrets of users who deleted their account."""

from kernel.messaging import forgetting

handler = forgetting.consumer_of(__name__)
