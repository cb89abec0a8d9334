-- The permanent failures in a row of each consumer that has had one, over all of its execution environments.
CREATE TABLE breakers (
    consumer text    PRIMARY KEY,
    failures integer NOT NULL
);

REVOKE ALL ON breakers FROM :app, :ro;
GRANT SELECT, INSERT ON breakers TO :app;
GRANT UPDATE (failures) ON breakers TO :app;
GRANT SELECT ON breakers TO :ro;
