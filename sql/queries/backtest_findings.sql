-- name: backtest_findings
-- purpose: what a backtest found, by its numbers, with names; an empty diff stands for all.
-- params: database String, suite String, backtest_id UUID, attempt UInt32, diff String, above_number UInt64, max_items UInt64
WITH
-- a row of the page
rows AS
(
    SELECT *
    FROM v_backtest_findings
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND backtest_id = {backtest_id:UUID}
        AND attempt = {attempt:UInt32}
        AND ({diff:String} = '' OR diff = {diff:String})
        AND number > {above_number:UInt64}
    ORDER BY number
    LIMIT {max_items:UInt64}
),
-- an order of the suite
names AS
(
    SELECT order_id, name
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
)
SELECT
    r.number AS number,
    r.diff AS diff,
    r.label AS label,
    r.machine_id AS machine_id,
    m.name AS machine,
    r.metric AS metric,
    r.test_id AS test_id,
    t.name AS test,
    r.order_id AS order_id,
    o.name AS order_name,
    r.previous_order_id AS previous_order_id,
    p.name AS previous_order_name,
    r.direction AS direction,
    r.kind AS kind,
    r.before AS before,
    r.after AS after,
    r.spread AS spread,
    r.effect AS effect,
    r.effect_low AS effect_low,
    r.effect_high AS effect_high,
    r.statistic AS statistic,
    r.p_value AS p_value,
    r.finding_id AS finding_id,
    f.name AS finding_order_name,
    r.moved_orders AS moved_orders
FROM rows AS r
LEFT JOIN
(
    SELECT machine_id, name
    FROM v_machines
    WHERE database = {database:String} AND suite = {suite:String}
) AS m ON m.machine_id = r.machine_id
LEFT JOIN
(
    SELECT test_id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String}
) AS t ON t.test_id = r.test_id
LEFT JOIN names AS o ON o.order_id = r.order_id
LEFT JOIN names AS p ON p.order_id = r.previous_order_id
LEFT JOIN names AS f ON f.order_id = r.finding_order_id
ORDER BY number
