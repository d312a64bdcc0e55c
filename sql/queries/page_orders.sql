-- name: page_orders
-- purpose: the orders of a suite, newest first, with what was reported and found there; total_count is the number of all of them.
-- params: database String, suite String, limit UInt32, offset UInt32
WITH
    -- one row per order to show
    shown AS (
        SELECT order_id, name, sort_key, count() OVER () AS total_count
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
        ORDER BY sort_key DESC, order_id DESC
        LIMIT {limit:UInt32}
        OFFSET {offset:UInt32}
    ),
    -- one row per order with runs
    reported AS (
        SELECT order_id, count() AS run_count, uniqExact(machine_id) AS machine_count, max(received_at) AS last_received_at
        FROM v_runs
        WHERE database = {database:String} AND suite = {suite:String}
            AND order_id IN (SELECT order_id FROM shown)
        GROUP BY order_id
    ),
    -- one row per order with findings
    moved AS (
        SELECT
            order_id,
            countIf(kind = 'regression') AS regression_count,
            countIf(kind = 'improvement') AS improvement_count
        FROM v_findings
        WHERE database = {database:String} AND suite = {suite:String}
        GROUP BY order_id
    )
SELECT
    shown.order_id AS order_id,
    shown.name AS order_name,
    shown.total_count AS total_count,
    reported.run_count AS run_count,
    reported.machine_count AS machine_count,
    reported.last_received_at AS last_received_at,
    moved.regression_count AS regression_count,
    moved.improvement_count AS improvement_count
FROM shown
LEFT JOIN reported ON reported.order_id = shown.order_id
LEFT JOIN moved ON moved.order_id = shown.order_id
ORDER BY shown.sort_key DESC, order_id DESC
