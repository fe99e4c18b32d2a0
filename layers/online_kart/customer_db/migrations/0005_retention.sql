-- What is old goes, the oldest first, in small batches (online_kart/retention.py): an index for it, and how far back each
-- table is forgotten. The index is made while the shop sells; one that a crash left half-made is made anew.

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

-- migrate:down
DROP INDEX outbox_sent_by_age;
DROP TABLE forgotten;
