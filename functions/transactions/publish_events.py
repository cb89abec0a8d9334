"""Schedule rate(1 minute): publish the domain's outbox to Kafka."""

from kernel.messaging import relay

handler = relay.handler(__name__)
