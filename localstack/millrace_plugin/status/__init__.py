"""LocalStack plugin: the state of functions and Kafka mappings, typed, at `/_millrace/v1/…` of LocalStack's port."""
