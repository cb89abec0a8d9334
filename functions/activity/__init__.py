"""What users do: events that are generated here, travel through Kafka, and are kept."""
