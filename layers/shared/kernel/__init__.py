"""What every function shares: the HTTP and Kafka edges, the database, the outbox and the contracts of events."""
