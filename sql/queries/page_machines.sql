-- name: page_machines
-- purpose: the machines of a suite with what they reported and what was found there, the most recently heard of first.
-- params: database String, suite String
WITH
    -- one row per machine with runs
    reported AS (
        SELECT
            r.machine_id AS machine_id,
            count() AS run_count,
            uniqExact(r.order_id) AS order_count,
            max(r.received_at) AS last_received_at,
            argMax(r.run_id, (r.received_at, r.seq)) AS last_run_id,
            argMax((r.order_id, o.name), (o.sort_key, r.order_id)) AS newest_order
        FROM v_runs AS r
        INNER JOIN
        (
            SELECT order_id, name, sort_key
            FROM v_orders
            WHERE database = {database:String} AND suite = {suite:String}
        ) AS o ON o.order_id = r.order_id
        WHERE r.database = {database:String} AND r.suite = {suite:String}
        GROUP BY r.machine_id
    ),
    -- one row per machine with findings
    moved AS (
        SELECT
            machine_id,
            countIf(kind = 'regression') AS regression_count,
            countIf(kind = 'improvement') AS improvement_count
        FROM v_change_points
        WHERE database = {database:String} AND suite = {suite:String}
        GROUP BY machine_id
    )
SELECT
    m.machine_id AS machine_id,
    m.name AS machine,
    reported.run_count AS run_count,
    reported.order_count AS order_count,
    reported.last_received_at AS last_received_at,
    reported.last_run_id AS last_run_id,
    reported.newest_order.1 AS newest_order_id,
    reported.newest_order.2 AS newest_order_name,
    moved.regression_count AS regression_count,
    moved.improvement_count AS improvement_count
FROM v_machines AS m
LEFT JOIN reported ON reported.machine_id = m.machine_id
LEFT JOIN moved ON moved.machine_id = m.machine_id
WHERE m.database = {database:String} AND m.suite = {suite:String}
ORDER BY last_received_at DESC, machine, machine_id
SETTINGS max_threads = 1
