-- Sellers change what they registered with. Another name of one who may sell waits until somebody has looked at it.

-- migrate:up
ALTER TABLE sellers ADD COLUMN wanted_name text; -- waits for a decision; null: none does
ALTER TABLE sellers ADD COLUMN name_refusal text; -- why the last one was refused; null: it was not, or another was wished for since
ALTER TABLE seller_decisions ADD COLUMN name text; -- null: decided about the seller, not about a name
CREATE INDEX sellers_with_wanted_name ON sellers (registered_at, seller_id) WHERE wanted_name IS NOT NULL;

-- migrate:down
DROP INDEX sellers_with_wanted_name;
ALTER TABLE seller_decisions DROP COLUMN name;
ALTER TABLE sellers DROP COLUMN name_refusal, DROP COLUMN wanted_name;
