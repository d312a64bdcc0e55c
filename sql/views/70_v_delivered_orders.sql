-- name: v_delivered_orders
-- purpose: what each order is called and what sorts it, as often as it was delivered and not merged yet: all rows of one are the same. Filter by database and suite.
-- readers: no
CREATE OR REPLACE VIEW v_delivered_orders AS
SELECT database, suite, order_id, name, sort_key
FROM orders
