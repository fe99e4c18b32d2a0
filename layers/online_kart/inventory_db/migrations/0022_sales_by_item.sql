-- What was sold of each item from each FC in a month, kept as the totals by category and month are (0005).

-- migrate:up
CREATE TABLE item_sales_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL,
    fc_code text NOT NULL,
    sku text NOT NULL,
    quantity bigint NOT NULL,
    amount_paise bigint NOT NULL
);
CREATE TABLE item_sales_totals (
    month date NOT NULL CHECK (month = date_trunc('month', month)::date),
    fc_code text NOT NULL,
    sku text NOT NULL REFERENCES items (sku),
    quantity bigint NOT NULL,
    amount_paise bigint NOT NULL,
    PRIMARY KEY (month, fc_code, sku)
);
CREATE INDEX item_sales_totals_by_sku ON item_sales_totals (sku, month, fc_code);

CREATE OR REPLACE FUNCTION note_sale() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sold_in date := date_trunc('month', new.sold_at AT TIME ZONE 'Asia/Kolkata')::date; -- months of the shop's time zone
BEGIN
    INSERT INTO category_sales_changes (category_id, quantity, amount_paise)
    VALUES (new.category_id, new.quantity, new.amount_paise);
    INSERT INTO month_sales_changes (month, quantity, amount_paise)
    VALUES (sold_in, new.quantity, new.amount_paise);
    INSERT INTO item_sales_changes (month, fc_code, sku, quantity, amount_paise)
    VALUES (sold_in, new.fc_code, new.sku, new.quantity, new.amount_paise);
    RETURN NULL;
END $$;

LOCK TABLE sales IN SHARE ROW EXCLUSIVE MODE; -- a sale of this moment is in the totals or noted by the trigger, not both
INSERT INTO item_sales_totals (month, fc_code, sku, quantity, amount_paise)
SELECT date_trunc('month', sold_at AT TIME ZONE 'Asia/Kolkata')::date, fc_code, sku, sum(quantity), sum(amount_paise)
  FROM sales GROUP BY 1, 2, 3;

CREATE VIEW sales_by_item AS
    SELECT month, fc_code, sku, sum(quantity)::bigint AS quantity, sum(amount_paise)::bigint AS amount_paise
      FROM (SELECT month, fc_code, sku, quantity, amount_paise FROM item_sales_totals
            UNION ALL SELECT month, fc_code, sku, quantity, amount_paise FROM item_sales_changes) AS parts
     GROUP BY month, fc_code, sku;

-- migrate:down
DROP VIEW sales_by_item;
CREATE OR REPLACE FUNCTION note_sale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO category_sales_changes (category_id, quantity, amount_paise)
    VALUES (new.category_id, new.quantity, new.amount_paise);
    INSERT INTO month_sales_changes (month, quantity, amount_paise) -- months of the shop's time zone
    VALUES (date_trunc('month', new.sold_at AT TIME ZONE 'Asia/Kolkata')::date, new.quantity, new.amount_paise);
    RETURN NULL;
END $$;
DROP TABLE item_sales_totals, item_sales_changes;
