-- name: page_sparks
-- purpose: the newest orders of some series, each with the median of its values, oldest first; the lists go together and name the series.
-- params: database String, suite String, machine_ids Array(UInt32), metrics Array(String), test_ids Array(UInt32), orders UInt32
WITH
    -- one row per series and order
    points AS (
        SELECT machine_id, metric, test_id, order_id, quantileExact(value) AS level
        FROM v_samples
        WHERE database = {database:String} AND suite = {suite:String}
            AND machine_id IN {machine_ids:Array(UInt32)} AND metric IN {metrics:Array(String)} AND test_id IN {test_ids:Array(UInt32)}
            AND has(arrayZip({machine_ids:Array(UInt32)}, {metrics:Array(String)}, {test_ids:Array(UInt32)}), (machine_id, metric, test_id))
            AND failed = 0
        GROUP BY machine_id, metric, test_id, order_id
    )
SELECT
    points.machine_id AS machine_id,
    points.metric AS metric,
    points.test_id AS test_id,
    arrayMap(p -> p.2, arraySlice(arraySort(groupArray((o.sort_key, points.order_id, points.level))), -toInt64({orders:UInt32}))) AS order_ids,
    arrayMap(p -> p.3, arraySlice(arraySort(groupArray((o.sort_key, points.order_id, points.level))), -toInt64({orders:UInt32}))) AS levels
FROM points
INNER JOIN
(
    SELECT order_id, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = points.order_id
GROUP BY machine_id, metric, test_id
ORDER BY machine_id, metric, test_id
SETTINGS max_threads = 1
