-- name: v_ledger_orders
-- purpose: one row per order of a suite, from the ledger alone, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_ledger_orders AS
SELECT
    database,
    suite,
    id AS order_id,
    argMax(name, seq) AS name,
    argMax(vals, seq) AS values,
    argMax(key, seq) AS sort_key
FROM ledger
ARRAY JOIN
    order_row_id AS id,
    order_row_name AS name,
    order_row_values AS vals,
    order_row_sort_key AS key
GROUP BY database, suite, order_id
