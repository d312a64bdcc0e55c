-- name: backtest_known
-- purpose: the change points of a machine that stand, and those that people dismissed, with the states of the regressions they are in.
-- params: database String, suite String, machine_id UInt32, metrics Array(String)
WITH
-- a change point in a regression
members AS
(
    SELECT arrayJoin(change_ids) AS change_id, state
    FROM v_regressions
    WHERE database = {database:String} AND suite = {suite:String}
),
-- a change point with what people said
points AS
(
    SELECT finding_id, change_id, metric, test_id, order_id, previous_order_id, direction, kind, before, after, spread, effect, statistic, p_value, detector, 0 AS dismissed
    FROM v_change_points
    WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32}
    UNION ALL
    SELECT finding_id, change_id, metric, test_id, order_id, previous_order_id, direction, kind, before, after, spread, effect, statistic, p_value, detector, 1
    FROM v_finding_states
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id = {machine_id:UInt32}
        AND active = 1
        AND dismissed = 1
        AND shadow = 0
)
SELECT
    p.finding_id AS finding_id,
    p.change_id AS change_id,
    p.metric AS metric,
    p.test_id AS test_id,
    p.order_id AS order_id,
    p.previous_order_id AS previous_order_id,
    p.direction AS direction,
    p.kind AS kind,
    p.before AS before,
    p.after AS after,
    p.spread AS spread,
    p.effect AS effect,
    p.statistic AS statistic,
    p.p_value AS p_value,
    p.detector AS detector,
    toUInt8(p.dismissed) AS dismissed,
    -- numbers, not a list of bytes
    arraySort(arrayMap(s -> toUInt32(s), r.states)) AS states
FROM points AS p
LEFT JOIN
(
    SELECT change_id, groupUniqArray(state) AS states
    FROM members
    GROUP BY change_id
) AS r ON r.change_id = p.change_id
WHERE empty({metrics:Array(String)}) OR has({metrics:Array(String)}, p.metric)
ORDER BY metric, test_id, order_id, finding_id
