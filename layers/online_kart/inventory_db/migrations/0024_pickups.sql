-- A courier who comes in vain comes again, some times; then the return is cancelled.

-- migrate:up
ALTER TABLE returns ADD COLUMN attempt integer NOT NULL DEFAULT 1; -- the pickup to come, or the one that brought it
ALTER TABLE returns ADD COLUMN failure_reason text; -- of the last pickup that was in vain
ALTER TABLE returns DROP CONSTRAINT returns_status_check;
ALTER TABLE returns ADD CONSTRAINT return_status_is_known
    CHECK (status IN ('expected', 'received', 'cancelled')) NOT VALID;
ALTER TABLE returns VALIDATE CONSTRAINT return_status_is_known;

-- migrate:down
ALTER TABLE returns DROP CONSTRAINT return_status_is_known;
ALTER TABLE returns ADD CONSTRAINT returns_status_check CHECK (status IN ('expected', 'received')) NOT VALID;
ALTER TABLE returns DROP COLUMN failure_reason, DROP COLUMN attempt;
