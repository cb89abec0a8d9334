"""What users do: events that clients report, that travel through Kafka, and that are stored."""
