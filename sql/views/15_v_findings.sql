-- name: v_findings
-- purpose: one row per change point that stands, in its newest form, with names.
CREATE OR REPLACE VIEW v_findings AS
SELECT
    f.database AS database,
    f.suite AS suite,
    f.finding_id AS finding_id,
    f.change_id AS change_id,
    f.seq AS seq,
    f.machine_id AS machine_id,
    m.name AS machine,
    f.metric AS metric,
    f.test_id AS test_id,
    t.name AS test,
    f.order_id AS order_id,
    o.name AS order_name,
    o.sort_key AS sort_key,
    f.previous_order_id AS previous_order_id,
    p.name AS previous_order_name,
    f.direction AS direction,
    f.kind AS kind,
    f.before AS before,
    f.after AS after,
    f.spread AS spread,
    f.effect AS effect,
    f.effect_low AS effect_low,
    f.effect_high AS effect_high,
    f.cause AS cause,
    f.nth AS nth,
    f.statistic AS statistic,
    f.p_value AS p_value,
    f.detector AS detector,
    f.detector_version AS detector_version,
    f.detector_params AS detector_params,
    f.data_seq AS data_seq,
    f.found_at AS found_at
FROM v_change_points AS f
INNER JOIN v_machines AS m ON m.database = f.database AND m.suite = f.suite AND m.machine_id = f.machine_id
INNER JOIN v_tests AS t ON t.database = f.database AND t.suite = f.suite AND t.test_id = f.test_id
INNER JOIN v_orders AS o ON o.database = f.database AND o.suite = f.suite AND o.order_id = f.order_id
LEFT JOIN v_orders AS p ON p.database = f.database AND p.suite = f.suite AND p.order_id = f.previous_order_id
