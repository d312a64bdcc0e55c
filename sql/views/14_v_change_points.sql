-- name: v_change_points
-- purpose: one row per change point that stands, in its newest form, with ids only.
CREATE OR REPLACE VIEW v_change_points AS
SELECT
    database,
    suite,
    finding_id,
    change_id,
    seq,
    machine_id,
    metric,
    test_id,
    order_id,
    previous_order_id,
    direction,
    kind,
    before,
    after,
    spread,
    effect,
    statistic,
    p_value,
    detector,
    detector_version,
    detector_params,
    data_seq,
    found_at
FROM findings FINAL
WHERE active = 1 AND dismissed = 0
