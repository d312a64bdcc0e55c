-- name: v_orders
-- purpose: one row per order (commit) of a suite; sort by sort_key, never by name or id.
CREATE OR REPLACE VIEW v_orders AS
SELECT database, suite, order_id, name, values, sort_key
FROM orders FINAL
