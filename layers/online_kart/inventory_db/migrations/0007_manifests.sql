-- A batch's manifest: `batch_packages` says what a batch holds now, and a package leaves it for its next batch. What the
-- batch carried must outlast that: the list is sealed into the batch's row when it closes.

-- migrate:up
ALTER TABLE batches ADD COLUMN package_ids uuid[];
ALTER TABLE batches ADD CONSTRAINT manifest_is_sealed_at_close CHECK ((status = 'open') = (package_ids IS NULL));

-- migrate:down
ALTER TABLE batches DROP COLUMN package_ids;
