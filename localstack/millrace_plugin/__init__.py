"""The plugin of LocalStack: Kafka triggers, functions as processes, MSK, CloudFormation, and an API port."""
