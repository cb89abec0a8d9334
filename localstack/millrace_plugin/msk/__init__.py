"""The MSK control plane. Clusters are names and ARNs; their broker and topics are those of the local Kafka."""
