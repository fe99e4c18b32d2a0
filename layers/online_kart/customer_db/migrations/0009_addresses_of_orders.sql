-- An order keeps a copy of the address it goes to, so that the address may be changed and deleted.

-- migrate:up
ALTER TABLE orders ADD COLUMN deliver_to jsonb; -- recipient, street, city, state, pincode
UPDATE orders AS o
   SET deliver_to = jsonb_build_object('recipient', a.recipient, 'street', a.street, 'city', a.city,
                                       'state', a.state, 'pincode', a.pincode)
  FROM addresses AS a WHERE a.address_id = o.address_id;
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_address_id_fkey;

-- migrate:down
ALTER TABLE orders ADD CONSTRAINT orders_customer_id_address_id_fkey
    FOREIGN KEY (customer_id, address_id) REFERENCES addresses (customer_id, address_id) NOT VALID;
ALTER TABLE orders DROP COLUMN deliver_to;
