"""What runs inside LocalStack: Kafka triggers, functions as processes, MSK, and the API on a port of its own."""
