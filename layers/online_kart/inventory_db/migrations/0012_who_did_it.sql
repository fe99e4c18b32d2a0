-- Who did what to a package: a person, or the step of a machine. What was noted before this is nobody's.

-- migrate:up
ALTER TABLE package_events ADD COLUMN happened_by text NOT NULL DEFAULT 'unknown';

-- migrate:down
ALTER TABLE package_events DROP COLUMN happened_by;
