-- Long commands, from the moment they begin to change something. A task that nobody drives any more stays `running`.
-- checkpoint: what the next invocation needs; written after Kafka has acknowledged what it covers.
-- explanation: why it is paused, stopped by a brake, failed or cancelled.
CREATE TABLE tasks (
    id          uuid        PRIMARY KEY,
    operation   text        NOT NULL,
    command     json        NOT NULL,
    state       text        NOT NULL DEFAULT 'running'
                CHECK (state IN ('running', 'paused', 'stopped', 'failed', 'cancelled', 'done')),
    explanation text,
    done        bigint      NOT NULL DEFAULT 0,
    total       bigint      NOT NULL,
    failures    bigint      NOT NULL DEFAULT 0,
    checkpoint  json        NOT NULL,
    who         text        NOT NULL,
    reason      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    changed_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tasks_newest ON tasks (created_at DESC, id DESC);

-- The topics that a task writes to or takes letters from, until it is done or cancelled: one task per topic at a time.
CREATE TABLE task_topics (
    topic   text PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks
);

CREATE INDEX task_topics_of_task ON task_topics (task_id);

-- Who did what, when, why, and to how many.
CREATE TABLE audit (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    who     text        NOT NULL,
    command text        NOT NULL,
    options json        NOT NULL,
    reason  text,
    task_id uuid        REFERENCES tasks,
    counts  json        NOT NULL
);

REVOKE UPDATE, DELETE ON audit FROM :app;
