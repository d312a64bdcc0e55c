-- name: page_series
-- purpose: the newest orders of one series with every value, for charts; newest order first. It is as of position as_of, whose newest load is last_load; the largest numbers are now.
-- params: database String, suite String, machine_id UInt32, test_id UInt32, metric String, as_of UInt64, last_load UInt32, limit UInt32
WITH
    -- one row per order: its values in the order of their runs
    points AS (
        SELECT
            order_id,
            arraySort(v -> (v.1, v.2), groupArray((load_id, row, run_id, value, failed))) AS found
        FROM v_sample_history
        WHERE database = {database:String} AND suite = {suite:String}
            AND machine_id = {machine_id:UInt32} AND metric = {metric:String} AND test_id = {test_id:UInt32}
            AND load_id <= {last_load:UInt32}
            AND load_id NOT IN (SELECT load_id FROM v_superseded WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64})
        GROUP BY order_id
    ),
    -- one row per order that is shown
    shown AS (
        SELECT o.order_id AS order_id, o.name AS name, o.sort_key AS sort_key, points.found AS found
        FROM points
        INNER JOIN (
            SELECT order_id, name, sort_key
            FROM v_orders
            WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM points)
        ) AS o ON o.order_id = points.order_id
        ORDER BY sort_key DESC, order_id DESC
        LIMIT {limit:UInt32}
    ),
    -- one row per order: when its runs began first
    measured AS (
        SELECT order_id, min(start_at) AS start_at
        FROM v_runs
        WHERE database = {database:String} AND suite = {suite:String}
            AND run_id IN (SELECT arrayJoin(arrayMap(v -> v.3, found)) FROM shown)
        GROUP BY order_id
    )
SELECT
    shown.order_id AS order_id,
    shown.name AS order_name,
    shown.sort_key AS sort_key,
    measured.start_at AS start_at,
    arrayMap(v -> v.3, shown.found) AS run_ids,
    arrayMap(v -> v.4, shown.found) AS sample_values,
    arrayMap(v -> v.5, shown.found) AS sample_failed
FROM shown
LEFT JOIN measured ON measured.order_id = shown.order_id
ORDER BY sort_key DESC, order_id DESC
