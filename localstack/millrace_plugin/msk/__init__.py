"""The MSK control plane: clusters are names and ARNs, their one broker and its topics are the local cloud's Kafka."""
