"""Run event source mappings on Kafka with the semantics of AWS Lambda.

A code such as `B5` or `R10` names a rule of docs/kafka-trigger.md, which links the test that holds it.

The path of a record through a mapping (`mapping.KafkaMapping`):

1. `poller.Poller` consumes it as a member of the group (`membership`), from the offset that `starting_position` decides.
2. `reader.Reader` filters it (`filtering`, `filter_rules`) and serialises it for the event (`payload`).
3. `dispatcher.Dispatcher` queues it in its `partition.Partition`, if the mapping owns that (`ownership`).
   `batcher.Batcher` decides when a batch is due, and `concurrency.ConcurrencyLimit` when an invocation may start.
4. `policy.examine` gives up a record that is too old, or that no event can hold, before each invocation.
5. `invocation.Function` calls the function through an `invoker.Invoker` and reads its answer (`response`).
6. `policy.next_step` decides what follows: settled, retried after a `backoff`, split, or given up.
7. `on_failure.OnFailure` delivers a record that is given up to one of the `destinations`, or logs that it is dropped.
8. `accounting.Accounting` counts it in `counters` and reports problems as LastProcessingResult (`processing_result`).
9. `committer.Committer` commits the offset once everything before it is settled.

`backpressure` bounds what is read ahead. `reporter` publishes `metrics` and offsets, and `system_log` sends warnings to
the function's log group.

Around it: `validation` and `support` check a mapping's parameters, `settings` reads them, `lambda_api` and
`cloudformation` receive them from LocalStack, and `worker` keeps the mapping's state. Only these, `plugin`,
`localstack_invoker` and `localstack_clients` import LocalStack.
"""
