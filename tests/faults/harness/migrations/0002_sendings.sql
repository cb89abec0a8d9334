-- What a consumer has sent, which a replay must not make it send again.
CREATE TABLE sendings (event_id uuid NOT NULL);

GRANT SELECT, INSERT ON sendings TO :app;
