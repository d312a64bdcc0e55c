-- name: v_order_times
-- purpose: one row per machine and order with when the order was first measured there and first heard of; filter by database and suite.
CREATE OR REPLACE VIEW v_order_times AS
SELECT
    r.database AS database,
    r.suite AS suite,
    r.machine_id AS machine_id,
    m.name AS machine,
    r.order_id AS order_id,
    o.name AS order_name,
    o.sort_key AS sort_key,
    r.first_start_at AS start_at,
    r.first_received_at AS received_at,
    r.run_count AS runs
FROM
(
    SELECT
        database,
        suite,
        machine_id,
        order_id,
        min(start_at) AS first_start_at,
        min(received_at) AS first_received_at,
        count() AS run_count
    FROM v_runs
    GROUP BY database, suite, machine_id, order_id
) AS r
INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
INNER JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
