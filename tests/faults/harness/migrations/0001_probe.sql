-- Nothing here is unique, on purpose: what is done twice must be seen twice.
CREATE TABLE commands (id uuid NOT NULL);

CREATE TABLE effects (
    place      bigint GENERATED ALWAYS AS IDENTITY,
    event_id   uuid    NOT NULL,
    account    text    NOT NULL,
    sequence   integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    clock      timestamptz NOT NULL -- of the function that applied it
);

GRANT SELECT, INSERT ON commands, effects TO :app;
