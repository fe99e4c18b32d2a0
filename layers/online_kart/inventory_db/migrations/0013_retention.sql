-- What is old goes, the oldest first, in small batches (online_kart/retention.py): an index for each rule, and how far back
-- each table is forgotten. The indexes are made while the shop sells; one that a crash left half-made is made anew.

-- migrate:up transaction:false
CREATE TABLE IF NOT EXISTS forgotten (
    what text PRIMARY KEY, -- the table
    up_to timestamptz NOT NULL, -- of what is newer, everything is there
    forgotten_count bigint NOT NULL,
    last_at timestamptz NOT NULL
);
-- split
DROP INDEX IF EXISTS outbox_sent_by_age;
-- split
CREATE INDEX CONCURRENTLY outbox_sent_by_age ON outbox (greatest(sent_at, occurred_at)) WHERE sent_at IS NOT NULL;
-- split
DROP INDEX IF EXISTS runs_ended_by_age;
-- split
CREATE INDEX CONCURRENTLY runs_ended_by_age ON runs (ended_at) WHERE status <> 'running';
-- split
DROP INDEX IF EXISTS reservations_released_by_age;
-- split
CREATE INDEX CONCURRENTLY reservations_released_by_age ON reservations (updated_at) WHERE status = 'released';
-- split
DROP INDEX IF EXISTS reconciliations_by_age;
-- split
CREATE INDEX CONCURRENTLY reconciliations_by_age ON reconciliations (finished_at);

-- migrate:down
DROP INDEX reconciliations_by_age, reservations_released_by_age, runs_ended_by_age, outbox_sent_by_age;
DROP TABLE forgotten;
