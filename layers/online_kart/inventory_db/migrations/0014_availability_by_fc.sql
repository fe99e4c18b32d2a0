-- Which FCs have free units of an offer, beside their sum (I13): the customer app promises dates and quotes carts by it.
-- A change of nothing for each offer that is known lets the next projection fill it in, and tell of it.

-- migrate:up
ALTER TABLE item_availability ADD COLUMN free_by_fc jsonb NOT NULL DEFAULT '{}'; -- FC code → free units, none left out but 0
INSERT INTO item_availability_changes (sku, seller_id, free_units_change)
SELECT sku, seller_id, 0 FROM item_availability;

-- migrate:down
ALTER TABLE item_availability DROP COLUMN free_by_fc;
