-- name: page_chart_findings
-- purpose: the change points that stand on some series, the oldest order first, each with the regression it belongs to; machines, tests and metrics are lists, of which the reader takes the pairs it wants.
-- params: database String, suite String, machine_ids Array(UInt32), test_ids Array(UInt32), metrics Array(String), limit UInt32
WITH
    -- one row per change point
    found AS (
        SELECT
            finding_id, change_id, machine_id, metric, test_id, order_id, previous_order_id, direction, kind,
            before, after, effect, detector, found_at
        FROM v_change_points
        WHERE database = {database:String} AND suite = {suite:String}
            AND machine_id IN {machine_ids:Array(UInt32)} AND test_id IN {test_ids:Array(UInt32)} AND metric IN {metrics:Array(String)}
    ),
    -- one row per change point that is part of a regression
    grouped AS (
        SELECT change_id, min(regression_id) AS regression_id
        FROM (
            SELECT regression_id, arrayJoin(change_ids) AS change_id
            FROM v_regressions
            WHERE database = {database:String} AND suite = {suite:String} AND hasAny(change_ids, (SELECT groupArray(change_id) FROM found))
        )
        GROUP BY change_id
    ),
    -- one row per order of a change point
    named AS (
        SELECT order_id, name, sort_key
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
            AND order_id IN (SELECT arrayJoin([order_id, previous_order_id]) FROM found)
    )
SELECT
    found.finding_id AS finding_id,
    found.change_id AS change_id,
    toUInt32(grouped.regression_id) AS regression_id,
    found.machine_id AS machine_id,
    found.metric AS metric,
    found.test_id AS test_id,
    found.order_id AS order_id,
    o.name AS order_name,
    found.previous_order_id AS previous_order_id,
    p.name AS previous_order_name,
    found.direction AS direction,
    found.kind AS kind,
    found.before AS before,
    found.after AS after,
    found.effect AS effect,
    found.detector AS detector,
    found.found_at AS found_at
FROM found
INNER JOIN named AS o ON o.order_id = found.order_id
LEFT JOIN named AS p ON p.order_id = found.previous_order_id
LEFT JOIN grouped ON grouped.change_id = found.change_id
ORDER BY o.sort_key, found.machine_id, found.test_id, found.metric, found.finding_id
LIMIT {limit:UInt32}
