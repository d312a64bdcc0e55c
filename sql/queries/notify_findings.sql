-- name: notify_findings
-- purpose: all versions of some findings up to a position, with names, by position.
-- params: database String, suite String, to_seq UInt64, changes Array(UInt32)
SELECT
    h.seq AS seq,
    h.change_id AS change_id,
    h.finding_id AS finding_id,
    h.machine_id AS machine_id,
    m.name AS machine,
    h.test_id AS test_id,
    t.name AS test,
    h.metric AS metric,
    h.order_id AS order_id,
    o.name AS order_name,
    p.name AS previous_order_name,
    h.direction AS direction,
    h.kind AS kind,
    h.before AS before,
    h.after AS after,
    h.effect AS effect,
    h.effect_low AS effect_low,
    h.effect_high AS effect_high,
    h.p_value AS p_value,
    h.detector AS detector,
    h.active AS active,
    h.dismissed AS dismissed
FROM
(
    SELECT *
    FROM v_finding_history
    WHERE database = {database:String} AND suite = {suite:String} AND seq <= {to_seq:UInt64} AND has({changes:Array(UInt32)}, change_id)
) AS h
LEFT JOIN v_machines AS m ON m.database = h.database AND m.suite = h.suite AND m.machine_id = h.machine_id
LEFT JOIN v_tests AS t ON t.database = h.database AND t.suite = h.suite AND t.test_id = h.test_id
LEFT JOIN v_orders AS o ON o.database = h.database AND o.suite = h.suite AND o.order_id = h.order_id
LEFT JOIN v_orders AS p ON p.database = h.database AND p.suite = h.suite AND p.order_id = h.previous_order_id
ORDER BY seq, change_id
