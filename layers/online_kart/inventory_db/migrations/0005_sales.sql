-- Sales, and totals by category (I11) and by month (I12).
-- A sale is a delivered package line; a return is a row with negative numbers. Triggers only insert a change; `roll_up_sales`
-- adds changes to totals; the views show totals plus what is not yet rolled up, so they are exact at any commit.

-- migrate:up
CREATE TABLE sales (
    sale_id uuid PRIMARY KEY,
    package_id uuid NOT NULL REFERENCES packages (package_id),
    order_id uuid NOT NULL,
    line_no integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sale', 'return')),
    sku text NOT NULL REFERENCES items (sku),
    seller_id uuid NOT NULL,
    fc_code text NOT NULL,
    category_id text NOT NULL REFERENCES item_categories (category_id),
    quantity integer NOT NULL,
    amount_paise bigint NOT NULL,
    sold_at timestamptz NOT NULL,
    CONSTRAINT package_line_is_sold_once UNIQUE (package_id, line_no, kind),
    CONSTRAINT return_is_negative CHECK (
        (kind = 'sale' AND quantity > 0 AND amount_paise >= 0) OR (kind = 'return' AND quantity < 0 AND amount_paise <= 0)
    )
);
CREATE INDEX sales_by_seller ON sales (seller_id, sold_at);

CREATE TABLE category_sales_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id text NOT NULL,
    quantity bigint NOT NULL,
    amount_paise bigint NOT NULL
);
CREATE TABLE category_sales_totals (
    category_id text PRIMARY KEY REFERENCES item_categories (category_id),
    quantity bigint NOT NULL,
    amount_paise bigint NOT NULL
);
CREATE TABLE month_sales_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL,
    quantity bigint NOT NULL,
    amount_paise bigint NOT NULL
);
CREATE TABLE month_sales_totals (
    month date PRIMARY KEY CHECK (month = date_trunc('month', month)::date),
    quantity bigint NOT NULL,
    amount_paise bigint NOT NULL
);
CREATE FUNCTION note_sale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO category_sales_changes (category_id, quantity, amount_paise)
    VALUES (new.category_id, new.quantity, new.amount_paise);
    INSERT INTO month_sales_changes (month, quantity, amount_paise) -- months of the shop's time zone
    VALUES (date_trunc('month', new.sold_at AT TIME ZONE 'Asia/Kolkata')::date, new.quantity, new.amount_paise);
    RETURN NULL;
END $$;
CREATE TRIGGER sale_changes_totals AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION note_sale();
CREATE TRIGGER sales_are_append_only BEFORE UPDATE OR DELETE ON sales
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW sales_by_category AS
    SELECT category_id, sum(quantity)::bigint AS quantity, sum(amount_paise)::bigint AS amount_paise
      FROM (SELECT category_id, quantity, amount_paise FROM category_sales_totals
            UNION ALL SELECT category_id, quantity, amount_paise FROM category_sales_changes) AS parts
     GROUP BY category_id;
CREATE VIEW sales_by_month AS
    SELECT month, sum(quantity)::bigint AS quantity, sum(amount_paise)::bigint AS amount_paise
      FROM (SELECT month, quantity, amount_paise FROM month_sales_totals
            UNION ALL SELECT month, quantity, amount_paise FROM month_sales_changes) AS parts
     GROUP BY month;

-- migrate:down
DROP VIEW sales_by_month, sales_by_category;
DROP TABLE month_sales_totals, month_sales_changes, category_sales_totals, category_sales_changes, sales;
DROP FUNCTION note_sale;
