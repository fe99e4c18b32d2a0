-- Customers send back some units of a package, and others later: each return has its own units, sales and stock.

-- migrate:up
CREATE TABLE return_units (
    return_id uuid NOT NULL REFERENCES returns (return_id),
    line_no integer NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0), -- that the customer sends; what came is in `return_lines`
    PRIMARY KEY (return_id, line_no)
);
-- Until now a package was returned whole, and once.
INSERT INTO return_units (return_id, line_no, quantity)
SELECT r.return_id, l.line_no, l.quantity FROM returns AS r JOIN package_lines AS l ON l.package_id = r.package_id;
ALTER TABLE returns DROP CONSTRAINT package_is_returned_once;
CREATE INDEX returns_by_package ON returns (package_id);

ALTER TABLE sales ADD COLUMN return_id uuid; -- null: a sale; or a return of before this was noted
ALTER TABLE sales DROP CONSTRAINT package_line_is_sold_once,
    ADD CONSTRAINT package_line_is_sold_once UNIQUE NULLS NOT DISTINCT (package_id, line_no, kind, return_id);

-- migrate:down
ALTER TABLE sales DROP CONSTRAINT package_line_is_sold_once,
    ADD CONSTRAINT package_line_is_sold_once UNIQUE (package_id, line_no, kind);
ALTER TABLE sales DROP COLUMN return_id;
DROP INDEX returns_by_package;
ALTER TABLE returns ADD CONSTRAINT package_is_returned_once UNIQUE (package_id);
DROP TABLE return_units;
