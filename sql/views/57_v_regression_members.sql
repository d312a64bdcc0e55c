-- name: v_regression_members
-- purpose: one row per regression and change point in it that stands, with its names and numbers; added is larger for what came later.
CREATE OR REPLACE VIEW v_regression_members AS
SELECT
    r.database AS database,
    r.suite AS suite,
    r.regression_id AS regression_id,
    r.added AS added,
    f.finding_id AS finding_id,
    f.change_id AS change_id,
    f.seq AS seq,
    f.machine_id AS machine_id,
    f.machine AS machine,
    f.metric AS metric,
    f.test_id AS test_id,
    f.test AS test,
    f.order_id AS order_id,
    f.order_name AS order_name,
    f.sort_key AS sort_key,
    f.previous_order_id AS previous_order_id,
    f.previous_order_name AS previous_order_name,
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
FROM
(
    SELECT database, suite, regression_id, member, place AS added
    FROM regressions FINAL
    ARRAY JOIN change_ids AS member, added AS place
    WHERE deleted = 0
) AS r
INNER JOIN v_findings AS f ON f.database = r.database AND f.suite = r.suite AND f.change_id = r.member
