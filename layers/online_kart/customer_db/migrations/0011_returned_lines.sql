-- Customers send back some lines of a package, or some units of a line; what they keep may come back later.

-- migrate:up
ALTER TABLE package_lines ADD COLUMN returned integer NOT NULL DEFAULT 0; -- units that its customer sends, or has sent, back
ALTER TABLE package_lines ADD CONSTRAINT no_more_is_returned_than_was_sent
    CHECK (returned BETWEEN 0 AND quantity) NOT VALID;

CREATE TABLE return_lines (
    return_id uuid NOT NULL REFERENCES returns (return_id),
    line_no integer NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (return_id, line_no)
);
-- Until now a package was returned whole, and once.
INSERT INTO return_lines (return_id, line_no, quantity)
SELECT r.return_id, l.line_no, l.quantity FROM returns AS r JOIN package_lines AS l ON l.package_id = r.package_id;
UPDATE package_lines SET returned = quantity WHERE package_id IN (SELECT package_id FROM returns);
ALTER TABLE package_lines VALIDATE CONSTRAINT no_more_is_returned_than_was_sent;
ALTER TABLE returns DROP CONSTRAINT package_is_returned_once;
CREATE INDEX returns_by_package ON returns (package_id, requested_at);

-- migrate:down
DROP INDEX returns_by_package;
ALTER TABLE returns ADD CONSTRAINT package_is_returned_once UNIQUE (package_id);
DROP TABLE return_lines;
ALTER TABLE package_lines DROP COLUMN returned;
