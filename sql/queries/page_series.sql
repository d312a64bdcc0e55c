-- name: page_series
-- purpose: every value of one series by order, in the order of their runs, for charts. Its machines are those that one machine was made of. It is as of position as_of, whose newest load is last_load; the largest numbers are now.
-- params: database String, suite String, own_machine_ids Array(UInt32), test_id UInt32, metric String, as_of UInt64, last_load UInt32
WITH
    -- one row per order; what was delivered twice counts once
    points AS (
        SELECT
            order_id,
            arraySort(groupUniqArray((load_id, row, run_id, value, failed))) AS found
        FROM v_own_samples
        WHERE database = {database:String} AND suite = {suite:String}
            AND own_machine_id IN {own_machine_ids:Array(UInt32)} AND metric = {metric:String} AND test_id = {test_id:UInt32}
            AND load_id <= {last_load:UInt32}
            AND load_id NOT IN (SELECT load_id FROM v_superseded WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64})
        GROUP BY order_id
    )
SELECT
    order_id,
    arrayMap(v -> v.3, found) AS run_ids,
    arrayMap(v -> v.4, found) AS sample_values,
    arrayMap(v -> v.5, found) AS sample_failed
FROM points
ORDER BY order_id
SETTINGS max_threads = 1
