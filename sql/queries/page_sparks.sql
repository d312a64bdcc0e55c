-- name: page_sparks
-- purpose: the orders of some series around one each, with the median of its values, oldest first; the lists go together and name the series and the order.
-- params: database String, suite String, machine_ids Array(UInt32), metrics Array(String), test_ids Array(UInt32), order_ids Array(UInt32), orders UInt32
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
    ),
    -- one row per series: its points as history sorts them
    series AS (
        SELECT
            points.machine_id AS machine_id,
            points.metric AS metric,
            points.test_id AS test_id,
            arraySort(groupArray((o.sort_key, points.order_id, points.level))) AS sorted
        FROM points
        INNER JOIN
        (
            SELECT order_id, sort_key
            FROM v_orders
            WHERE database = {database:String} AND suite = {suite:String}
        ) AS o ON o.order_id = points.order_id
        GROUP BY machine_id, metric, test_id
    ),
    -- one row per series: where its order is, 0 where that has no value, and where its part begins
    places AS (
        SELECT
            machine_id, metric, test_id, sorted,
            {order_ids:Array(UInt32)}[indexOf(arrayZip({machine_ids:Array(UInt32)}, {metrics:Array(String)}, {test_ids:Array(UInt32)}), (machine_id, metric, test_id))] AS at,
            toInt64(arrayFirstIndex(p -> p.2 = at, sorted)) AS place,
            toInt64(length(sorted)) - toInt64({orders:UInt32}) + 1 AS newest,
            greatest(1, if(place = 0, newest, least(newest, place - intDiv(toInt64({orders:UInt32}), 2)))) AS first
        FROM series
    )
SELECT
    machine_id,
    metric,
    test_id,
    arrayMap(p -> p.2, arraySlice(sorted, first, {orders:UInt32})) AS order_ids,
    arrayMap(p -> p.3, arraySlice(sorted, first, {orders:UInt32})) AS levels
FROM places
ORDER BY machine_id, metric, test_id
SETTINGS max_threads = 1
