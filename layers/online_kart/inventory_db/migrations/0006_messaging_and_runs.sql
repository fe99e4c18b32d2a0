-- Events not yet sent, events already handled, answers to repeat, and our own table of state machine runs.

-- migrate:up
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    aggregate_id text NOT NULL,
    payload jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (position) WHERE sent_at IS NULL;

CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    handled_at timestamptz NOT NULL,
    result jsonb, -- what the first time answered; a repeat answers the same
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_by_age ON inbox (handled_at);

CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    request_digest text NOT NULL,
    status_code smallint NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Step Functions' own list is limited to a few calls a second: people and sweeps read this table.
-- Its times are of the wall clock: a run lives in the engine, not in the business.
CREATE TABLE runs (
    machine text NOT NULL,
    business_id text NOT NULL,
    revision integer NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'lost')),
    input jsonb NOT NULL,
    error text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    checked_at timestamptz NOT NULL, -- when the sweep last asked the engine about it
    PRIMARY KEY (machine, business_id, revision)
);
CREATE INDEX runs_unchecked ON runs (checked_at) WHERE status IN ('running', 'failed');
CREATE INDEX runs_by_start ON runs (started_at DESC);

CREATE TABLE reconciliations (
    reconciliation_id uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('requested', 'running', 'finished', 'failed')),
    report jsonb,
    requested_at timestamptz NOT NULL,
    finished_at timestamptz
);

-- migrate:down
DROP TABLE reconciliations, runs, idempotency_keys, inbox, outbox;
