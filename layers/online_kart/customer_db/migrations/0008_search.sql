-- Searching items by the words of their names, and sorting by price. An item's best offer is kept by triggers of the two
-- copies it follows from: whoever changes one of them locks the item's row here first and then looks at both.

-- migrate:up
CREATE INDEX items_by_words ON items USING gin (to_tsvector('simple', name || ' ' || brand));
CREATE INDEX items_by_name ON items (name, sku) WHERE status = 'active';

CREATE TABLE best_offers (
    sku text PRIMARY KEY,
    lowest_price_paise bigint, -- of active offers; null: there is none
    in_stock boolean NOT NULL DEFAULT false -- an active offer has units left
);
CREATE INDEX best_offers_by_price ON best_offers (lowest_price_paise, sku);

CREATE FUNCTION find_best_offer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_sku text := CASE tg_op WHEN 'DELETE' THEN old.sku ELSE new.sku END;
BEGIN
    INSERT INTO best_offers AS b (sku) VALUES (changed_sku)
    ON CONFLICT (sku) DO UPDATE SET in_stock = b.in_stock; -- waits for others who are at it
    UPDATE best_offers AS b SET (lowest_price_paise, in_stock) = (
        SELECT min(o.price_paise), coalesce(bool_or(u.free_units > 0), false)
          FROM offers AS o LEFT JOIN units_left AS u USING (sku, seller_id)
         WHERE o.sku = changed_sku AND o.status = 'active')
     WHERE b.sku = changed_sku;
    RETURN NULL;
END $$;
CREATE TRIGGER offer_changes_best_offer AFTER INSERT OR UPDATE OR DELETE ON offers
    FOR EACH ROW EXECUTE FUNCTION find_best_offer();
CREATE TRIGGER units_change_best_offer AFTER INSERT OR UPDATE OR DELETE ON units_left
    FOR EACH ROW EXECUTE FUNCTION find_best_offer();

INSERT INTO best_offers (sku, lowest_price_paise, in_stock)
SELECT o.sku, min(o.price_paise) FILTER (WHERE o.status = 'active'),
       coalesce(bool_or(u.free_units > 0) FILTER (WHERE o.status = 'active'), false)
  FROM offers AS o LEFT JOIN units_left AS u USING (sku, seller_id)
 GROUP BY o.sku;

-- migrate:down
DROP TRIGGER offer_changes_best_offer ON offers;
DROP TRIGGER units_change_best_offer ON units_left;
DROP FUNCTION find_best_offer;
DROP TABLE best_offers;
DROP INDEX items_by_words, items_by_name;
