-- name: page_mean
-- purpose: the geometric mean of a machine's tests at its newest orders, of the least value that each test has there; newest order first. It is as of position as_of, whose newest load is last_load; failing values count when failures is 1.
-- params: database String, suite String, machine_id UInt32, metric String, failures UInt8, as_of UInt64, last_load UInt32, limit UInt32
WITH
    -- one row per order and test
    least AS (
        SELECT order_id, test_id, min(value) AS value, groupUniqArray(run_id) AS run_ids
        FROM v_sample_history
        WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32} AND metric = {metric:String}
            AND load_id <= {last_load:UInt32} AND (failed = 0 OR {failures:UInt8} = 1)
            AND load_id NOT IN (SELECT load_id FROM v_superseded WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64})
        GROUP BY order_id, test_id
    ),
    -- one row per order; zeros have a mean, too
    points AS (
        SELECT order_id, exp(avg(log(value + 0.0001))) - 0.0001 AS value, groupUniqArrayArray(run_ids) AS run_ids
        FROM least
        GROUP BY order_id
    ),
    -- one row per order that is shown
    shown AS (
        SELECT o.order_id AS order_id, o.name AS name, o.sort_key AS sort_key, points.value AS value, points.run_ids AS run_ids
        FROM points
        INNER JOIN (
            SELECT order_id, name, sort_key
            FROM v_orders
            WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM points)
        ) AS o ON o.order_id = points.order_id
        WHERE isFinite(points.value)
        ORDER BY sort_key DESC, order_id DESC
        LIMIT {limit:UInt32}
    ),
    -- one row per order: when its runs began first
    measured AS (
        SELECT order_id, min(start_at) AS start_at
        FROM v_runs
        WHERE database = {database:String} AND suite = {suite:String} AND run_id IN (SELECT arrayJoin(run_ids) FROM shown)
        GROUP BY order_id
    )
SELECT
    shown.order_id AS order_id,
    shown.name AS order_name,
    shown.sort_key AS sort_key,
    measured.start_at AS start_at,
    arrayMax(shown.run_ids) AS run_id,
    shown.value AS value
FROM shown
LEFT JOIN measured ON measured.order_id = shown.order_id
ORDER BY sort_key DESC, order_id DESC
