-- name: rest_finding_history
-- purpose: what became of one change point, by uuid or by number, event by event; with names, oldest first.
-- params: database String, suite String, finding_id UUID, change_id UInt32
SELECT
    f.finding_id AS finding_id, f.change_id AS change_id, f.seq AS seq, f.event_id AS event_id, f.event_type AS event_type, f.at AS at, f.actor AS actor,
    f.machine_id AS machine_id, m.name AS machine, f.test_id AS test_id, t.name AS test, f.metric AS metric,
    f.order_id AS order_id, o.name AS order_name, f.previous_order_id AS previous_order_id, p.name AS previous_order_name,
    f.direction AS direction, f.kind AS kind, f.before AS before, f.after AS after, f.spread AS spread, f.effect AS effect,
    f.effect_low AS effect_low, f.effect_high AS effect_high, f.cause AS cause, f.statistic AS statistic, f.p_value AS p_value,
    f.detector AS detector, f.detector_version AS detector_version, f.detector_params AS detector_params, f.data_seq AS data_seq,
    f.active AS active, f.dismissed AS dismissed, f.shadow AS shadow, f.note AS note
FROM v_finding_history AS f
LEFT JOIN v_machine_states AS m ON m.database = f.database AND m.suite = f.suite AND m.machine_id = f.machine_id
LEFT JOIN v_tests AS t ON t.database = f.database AND t.suite = f.suite AND t.test_id = f.test_id
LEFT JOIN v_orders AS o ON o.database = f.database AND o.suite = f.suite AND o.order_id = f.order_id
LEFT JOIN v_orders AS p ON p.database = f.database AND p.suite = f.suite AND p.order_id = f.previous_order_id
WHERE f.database = {database:String}
    AND f.suite = {suite:String}
    AND (f.finding_id = {finding_id:UUID} OR f.change_id = {change_id:UInt32})
ORDER BY f.seq, f.finding_id
