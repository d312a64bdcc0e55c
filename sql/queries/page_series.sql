-- name: page_series
-- purpose: the newest orders of one series with every value, for charts; newest order first.
-- params: database String, suite String, machine_id UInt32, test_id UInt32, metric String, limit UInt32
WITH
    -- one row per order: its values in the order of their runs
    points AS (
        SELECT
            order_id,
            arraySort(v -> (v.1, v.2), groupArray((load_id, row, run_id, value, failed))) AS found
        FROM v_samples
        WHERE database = {database:String} AND suite = {suite:String}
            AND machine_id = {machine_id:UInt32} AND metric = {metric:String} AND test_id = {test_id:UInt32}
        GROUP BY order_id
    ),
    -- one row per order of the machine: when it was measured first
    measured AS (
        SELECT order_id, min(start_at) AS start_at
        FROM v_runs
        WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32}
        GROUP BY order_id
    )
SELECT
    o.order_id AS order_id,
    o.name AS order_name,
    o.sort_key AS sort_key,
    measured.start_at AS start_at,
    arrayMap(v -> v.3, points.found) AS run_ids,
    arrayMap(v -> v.4, points.found) AS sample_values,
    arrayMap(v -> v.5, points.found) AS sample_failed
FROM points
INNER JOIN v_orders AS o ON o.order_id = points.order_id
LEFT JOIN measured ON measured.order_id = points.order_id
WHERE o.database = {database:String} AND o.suite = {suite:String}
ORDER BY sort_key DESC, order_id DESC
LIMIT {limit:UInt32}
