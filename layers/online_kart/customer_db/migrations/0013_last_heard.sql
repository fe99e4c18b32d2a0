-- Staff asks when each copy has last heard of its source.

-- migrate:up
CREATE INDEX inbox_by_consumer ON inbox (consumer, handled_at);

-- migrate:down
DROP INDEX inbox_by_consumer;
