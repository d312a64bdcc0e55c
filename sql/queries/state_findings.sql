-- name: state_findings
-- purpose: the findings of one suite as they are now, those taken back or dismissed too.
-- params: database String, suite String
SELECT
    change_id,
    finding_id,
    machine_id,
    test_id,
    metric,
    order_id,
    previous_order_id,
    direction,
    kind,
    before,
    after,
    spread,
    effect,
    effect_low,
    effect_high,
    cause,
    nth,
    statistic,
    p_value,
    detector,
    detector_version,
    detector_params,
    data_seq,
    active,
    dismissed,
    dismissed_seq,
    dismissed_effect,
    note,
    shadow
FROM v_ledger_findings
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY change_id
