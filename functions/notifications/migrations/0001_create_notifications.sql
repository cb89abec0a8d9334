CREATE TABLE notifications (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    type       text        NOT NULL CHECK (type IN ('email', 'in-app')),
    message    text        NOT NULL,
    -- The time of the row, not of the transaction: what one batch adds is told apart, and keeps its order.
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at    timestamptz
);

-- A user's newest first, page by page.
CREATE INDEX notifications_newest ON notifications (user_id, created_at DESC, id DESC);

-- Where users can be written to, as the users domain tells it.
CREATE TABLE recipients (
    user_id uuid PRIMARY KEY,
    email   text NOT NULL
);

-- One e-mail per notification, ever. due_at: when it is tried next; none when it is sent or given up, and then
-- error says why. An attempt moves due_at on before it begins, so that a killed one is repeated later.
CREATE TABLE emails (
    notification_id uuid        PRIMARY KEY REFERENCES notifications,
    attempts        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz,
    sent_at         timestamptz,
    error           text,
    CHECK (sent_at IS NULL OR due_at IS NULL)
);

-- As small as what waits, however many were sent.
CREATE INDEX emails_due ON emails (due_at) WHERE due_at IS NOT NULL;

REVOKE DELETE ON notifications, recipients, emails FROM :app;
