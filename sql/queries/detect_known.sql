-- name: detect_known
-- purpose: the change points that a detector ever found on machines, or on those that were merged into them, as they were left. They count for target_id now.
-- params: database String, suite String, machine_ids Array(UInt32), detector String, shadow UInt8
SELECT
    finding_id,
    target_id,
    f.machine_id AS machine_id,
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
FROM v_finding_states AS f
INNER JOIN
(
    SELECT machine_id, if(machine_id IN {machine_ids:Array(UInt32)}, machine_id, merged_into) AS target_id
    FROM v_machine_states
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND (machine_id IN {machine_ids:Array(UInt32)} OR merged_into IN {machine_ids:Array(UInt32)})
) AS m ON m.machine_id = f.machine_id
WHERE database = {database:String}
    AND suite = {suite:String}
    AND detector = {detector:String}
    AND shadow = {shadow:UInt8}
ORDER BY target_id, metric, test_id, order_id, finding_id
