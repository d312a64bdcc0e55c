-- name: matrix_values
-- purpose: the levels (medians of what did not fail) of the series of some machines, metrics and tests at the newest orders that have one.
-- params: database String, suite String, machine_ids Array(UInt32), metrics Array(String), test_ids Array(UInt32), limit UInt32
WITH
    -- one row per series and order
    levels AS (
        SELECT
            machine_id,
            metric,
            test_id,
            order_id,
            quantileExactInclusiveIf(0.5)(value, failed = 0) AS level,
            countIf(failed = 0) AS passed
        FROM v_samples
        WHERE database = {database:String} AND suite = {suite:String}
            AND machine_id IN {machine_ids:Array(UInt32)} AND metric IN {metrics:Array(String)} AND test_id IN {test_ids:Array(UInt32)}
        GROUP BY machine_id, metric, test_id, order_id
    )
SELECT
    l.order_id AS order_id,
    o.name AS order_name,
    o.sort_key AS sort_key,
    groupArray(l.machine_id) AS machine_ids,
    groupArray(l.metric) AS metrics,
    groupArray(l.test_id) AS test_ids,
    groupArray(l.level) AS levels,
    groupArray(toUInt8(l.passed = 0)) AS failures
FROM levels AS l
INNER JOIN v_orders AS o ON o.order_id = l.order_id
WHERE o.database = {database:String} AND o.suite = {suite:String}
GROUP BY order_id, order_name, sort_key
ORDER BY sort_key DESC, order_id DESC
LIMIT {limit:UInt32}
