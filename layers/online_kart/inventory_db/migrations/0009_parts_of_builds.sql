-- How a build of route tables spent its time, and how many tables the change could touch.

-- migrate:up
ALTER TABLE route_builds
    ADD COLUMN base_version bigint,
    ADD COLUMN touched_count integer,
    ADD COLUMN network_ms double precision,
    ADD COLUMN comparison_ms double precision,
    ADD COLUMN tables_ms double precision,
    ADD COLUMN writing_ms double precision,
    ADD COLUMN switching_ms double precision;

-- migrate:down
ALTER TABLE route_builds
    DROP COLUMN base_version,
    DROP COLUMN touched_count,
    DROP COLUMN network_ms,
    DROP COLUMN comparison_ms,
    DROP COLUMN tables_ms,
    DROP COLUMN writing_ms,
    DROP COLUMN switching_ms;
