-- name: detect_known
-- purpose: the change points of one machine that stand, found by one detector.
-- params: database String, suite String, machine_id UInt32, detector String
SELECT
    machine_id,
    metric,
    test_id,
    order_id,
    previous_order_id,
    direction,
    kind,
    before AS level_before,
    after AS level_after,
    spread,
    effect,
    statistic,
    p_value
FROM v_change_points
WHERE database = {database:String}
    AND suite = {suite:String}
    AND machine_id = {machine_id:UInt32}
    AND detector = {detector:String}
ORDER BY metric, test_id, order_id, direction
