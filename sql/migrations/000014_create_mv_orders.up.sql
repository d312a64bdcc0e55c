CREATE MATERIALIZED VIEW IF NOT EXISTS mv_orders TO orders AS
SELECT database, suite, id AS order_id, seq, name, vals AS values, sort_key
FROM ledger
ARRAY JOIN
    order_row_id AS id,
    order_row_name AS name,
    order_row_values AS vals,
    order_row_sort_key AS sort_key
