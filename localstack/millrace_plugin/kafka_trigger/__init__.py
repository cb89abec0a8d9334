"""Event source mappings on Kafka, with the semantics of AWS Lambda's.

The rules named in docstrings (`B5`, `R10`) are those of the project's specification of the trigger. One record's way:

- `poller` consumes it, `reader` filters (`filtering`) and serialises it (`payload`);
- `dispatcher` lets it wait in its `partition`, until `batcher` finds a batch due and `concurrency` lets an invocation start;
- `policy` says before each invocation whether it is too old or held by no event, and what follows from each outcome:
  settled, retried, split, given up;
- `invocation` calls the function by the `invoker` and reads its `response`; `on_failure` delivers to one of the
  `destinations`;
- `accounting` counts it, tells `processing_result` about problems, and has the `committer` commit what is settled.

Beside a record's way, `reporter` publishes `metrics`, and `system_log` hands warnings to the function's log group.

Filtered out, too old, too large or not to be represented, a record is settled without an invocation. `worker` and
`plugin` fit all this into LocalStack; beside them only `localstack_invoker` and `localstack_clients` import LocalStack.
"""
