-- name: detect_lnt_known
-- purpose: the changes at one order of one machine that detector lnt ever found, each with the position it was last judged at.
-- params: database String, suite String, machine_id UInt32, order_id UInt32
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
    p_value,
    data_seq,
    active
FROM v_finding_states
WHERE database = {database:String}
    AND suite = {suite:String}
    AND machine_id = {machine_id:UInt32}
    AND order_id = {order_id:UInt32}
    AND detector = 'lnt'
ORDER BY metric, test_id, order_id, previous_order_id
