"""user-events: delete what was done by who deleted their account."""

from kernel.messaging import forgetting

handler = forgetting.consumer_of(__name__)
