"""Events in and out: the Kafka edge, inbox, outbox, relay and dead letters."""
