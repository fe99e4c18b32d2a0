-- Which FCs have free units of an offer, as its last event told (C7): for promise dates and quotes.

-- migrate:up
ALTER TABLE units_left ADD COLUMN free_by_fc jsonb NOT NULL DEFAULT '{}'; -- FC code → free units

-- migrate:down
ALTER TABLE units_left DROP COLUMN free_by_fc;
