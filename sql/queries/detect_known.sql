-- name: detect_known
-- purpose: the change points that a detector ever found on a machine, or on one that was merged into it, as they were left.
-- params: database String, suite String, machine_id UInt32, detector String, shadow UInt8
SELECT
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
    statistic,
    p_value,
    cause,
    nth,
    active
FROM v_finding_states
WHERE database = {database:String}
    AND suite = {suite:String}
    AND machine_id IN (
        SELECT machine_id
        FROM v_machine_states
        WHERE database = {database:String}
            AND suite = {suite:String}
            AND (machine_id = {machine_id:UInt32} OR merged_into = {machine_id:UInt32})
    )
    AND detector = {detector:String}
    AND shadow = {shadow:UInt8}
ORDER BY metric, test_id, order_id, finding_id
