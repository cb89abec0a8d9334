"""The headers by which operators' commands mark a record that they publish, and what a consumer does about them.

They are added to the record's own headers. A command that publishes a marked record again replaces its markers.
A consumer looks at them before it decodes or claims anything (`kernel.messaging.deliveries.addressed`).
"""

REPLAY_ID = "replay_id"
"""The id of the task that replays the record. A consumer that is declared with `ignores_replays` skips it."""

REPLAY_EFFECTS = "replay_effects"
"""`all`: consumers that ignore replays apply this one too. Any other value is as good as none."""

REDRIVE_ID = "redrive_id"
"""The id of the task that redrives the record: it was a dead letter."""

REDRIVE_COUNT = "redrive_count"
"""How often the record was redriven, this time included, as a decimal number."""

REDRIVE_PARTITION = "redrive_partition"
"""The partition of the first original. It stays the same however often the record is redriven."""

REDRIVE_OFFSET = "redrive_offset"
"""The offset of the first original. It stays the same however often the record is redriven."""

DERIVED_ID = "derived_id"
"""In a file to replay: nobody knows the id under which the event was published, so it has another one. No inbox knows it."""

FOR_CONSUMER = "for_consumer"
"""The consumer group that the record is for. Every other consumer skips it."""

DLQ_FINGERPRINT = "dlq_fingerprint"
"""Of a dead letter: a hash of its cause, the same for all that failed in the same way (`kernel.messaging.causes`)."""

DLQ_ERROR_WHERE = "dlq_error_where"
"""Of a dead letter: the file and line that raised the error, relative to `functions/` or to the layer."""

ALL_EFFECTS = "all"
