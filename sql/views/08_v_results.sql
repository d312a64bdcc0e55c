-- name: v_results
-- purpose: v_samples with the names of machine, test and order, for people.
CREATE OR REPLACE VIEW v_results AS
SELECT
    s.database AS database,
    s.suite AS suite,
    s.machine_id AS machine_id,
    m.name AS machine,
    s.test_id AS test_id,
    t.name AS test,
    s.metric AS metric,
    s.order_id AS order_id,
    o.name AS order_name,
    o.sort_key AS sort_key,
    s.run_id AS run_id,
    s.row AS row,
    s.value AS value,
    s.failed AS failed
FROM v_samples AS s
INNER JOIN v_machines AS m ON m.database = s.database AND m.suite = s.suite AND m.machine_id = s.machine_id
INNER JOIN v_tests AS t ON t.database = s.database AND t.suite = s.suite AND t.test_id = s.test_id
INNER JOIN v_orders AS o ON o.database = s.database AND o.suite = s.suite AND o.order_id = s.order_id
