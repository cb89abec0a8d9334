-- What became of dead letters, by their place on the dead-letter topic. One without a row waits.
-- The timestamp tells a letter from one at the same place of a topic that was deleted and made again.
-- state: selected = a task will redrive it; archived = set aside, until it is restored.
-- number: the letter's turn within its task.
CREATE TABLE letters (
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    "timestamp" bigint      NOT NULL,
    state       text        NOT NULL CHECK (state IN ('selected', 'redriven', 'discarded', 'archived')),
    task_id     uuid        REFERENCES tasks,
    number      bigint,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset", "timestamp")
);

CREATE UNIQUE INDEX letters_selected ON letters (task_id, number) WHERE state = 'selected';
