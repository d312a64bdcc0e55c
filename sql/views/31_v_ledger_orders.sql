-- name: v_ledger_orders
-- purpose: one row per order of a suite, from the ledger alone, as v_ledger_machines; filter by database and suite.
-- An order comes once and stays as it came, so there is nothing to choose from: with many of them, grouping took most of a start.
CREATE OR REPLACE VIEW v_ledger_orders AS
SELECT
    database,
    suite,
    id AS order_id,
    order_name AS name,
    vals AS values,
    key AS sort_key
FROM ledger FINAL
ARRAY JOIN
    order_row_id AS id,
    order_row_name AS order_name,
    order_row_values AS vals,
    order_row_sort_key AS key
