-- name: detect_elsewhere
-- purpose: the change points that stand at some orders on other machines, found by one detector.
-- params: database String, suite String, machine_id UInt32, orders Array(UInt32), detector String, shadow UInt8
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
    AND machine_id != {machine_id:UInt32}
    AND machine_id IN (SELECT machine_id FROM v_machines WHERE database = {database:String} AND suite = {suite:String})
    AND order_id IN {orders:Array(UInt32)}
    AND detector = {detector:String}
    AND shadow = {shadow:UInt8}
    AND active = 1
ORDER BY metric, test_id, order_id, finding_id
