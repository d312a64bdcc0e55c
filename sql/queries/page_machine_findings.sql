-- name: page_machine_findings
-- purpose: the newest findings that stand on some machines, of one moment the largest first, with ids for names and how many there are of each kind.
-- params: database String, suite String, own_machine_ids Array(UInt32), limit UInt32
SELECT
    finding_id,
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
    found_at,
    countIf(kind = 'regression') OVER () AS regression_count,
    count() OVER () AS finding_count
FROM v_finding_states
WHERE database = {database:String} AND suite = {suite:String}
    AND machine_id IN {own_machine_ids:Array(UInt32)}
    AND active = 1 AND dismissed = 0 AND shadow = 0
ORDER BY found_at DESC, abs(effect) DESC, finding_id
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
