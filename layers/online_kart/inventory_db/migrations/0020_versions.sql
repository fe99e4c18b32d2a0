-- Two people edit a facility or a leg: a version counts its changes, so that the second can be told that there was a first.

-- migrate:up
ALTER TABLE facilities ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE legs ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- migrate:down
ALTER TABLE facilities DROP COLUMN version;
ALTER TABLE legs DROP COLUMN version;
