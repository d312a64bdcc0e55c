-- name: v_delivered_orders
-- purpose: what sorts each order, as often as it was delivered and not merged yet: all rows of one are the same. Filter by database and suite.
-- readers: no
CREATE OR REPLACE VIEW v_delivered_orders AS
SELECT database, suite, order_id, sort_key
FROM orders
