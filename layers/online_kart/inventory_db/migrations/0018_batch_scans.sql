-- A batch is unloaded bit by bit: what was scanned of it where it goes, until it has arrived and what it held went on.

-- migrate:up
CREATE TABLE batch_scans (
    batch_id uuid NOT NULL REFERENCES batches (batch_id) ON DELETE CASCADE,
    package_id uuid NOT NULL,
    scanned_at timestamptz NOT NULL,
    scanned_by text NOT NULL,
    PRIMARY KEY (batch_id, package_id)
);

-- migrate:down
DROP TABLE batch_scans;
