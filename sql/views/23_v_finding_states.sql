-- name: v_finding_states
-- purpose: one row per change point a suite ever had, in its newest form, those taken back or dismissed too; people want v_findings.
CREATE OR REPLACE VIEW v_finding_states AS
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
    found_at,
    active,
    dismissed
FROM findings FINAL
