"""user-events: delete the events of users who deleted their account."""

from kernel.messaging import forgetting

handler = forgetting.consumer_of(__name__)
