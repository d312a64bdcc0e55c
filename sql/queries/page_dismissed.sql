-- name: page_dismissed
-- purpose: findings of a suite that people dismissed and that would stand otherwise, the newest decision first, with the machines that they were found on and ids for names; gone are the machines whose findings do not stand.
-- params: database String, suite String, gone Array(UInt32), limit UInt32, offset UInt32
SELECT
    database,
    suite,
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
    count() OVER () AS total_count,
    note
FROM v_finding_states
WHERE database = {database:String} AND suite = {suite:String}
    AND dismissed = 1 AND active = 1 AND shadow = 0
    AND machine_id NOT IN {gone:Array(UInt32)}
ORDER BY dismissed_seq DESC, finding_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
