"""Event source mappings on Kafka, with the semantics of AWS Lambda's.

The rules named in docstrings (`B5`, `R10`) are those of the project's specification of the trigger. One record's way:
`poller` (consumer) → `dispatcher` (which keeps a `partition` per partition, asks `batcher` what is due, has the
`invoker` call the function, and reads the `response`) → `committer`, with one of the `destinations` for what has
failed too often. `worker` and `plugin` fit it into LocalStack; beside them only `localstack_invoker` and
`localstack_clients` import LocalStack.
"""
