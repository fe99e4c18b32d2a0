-- When a package's units were taken from the shelf, and when it was packed. Null: not yet, or from before this was noted.

-- migrate:up
ALTER TABLE packages
    ADD COLUMN picked_at timestamptz,
    ADD COLUMN packed_at timestamptz;

-- migrate:down
ALTER TABLE packages DROP COLUMN picked_at, DROP COLUMN packed_at;
