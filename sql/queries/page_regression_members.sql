-- name: page_regression_members
-- purpose: the change points of a regression, largest first, with ids for names, which page_names has.
-- params: database String, suite String, regression_id UInt32, limit UInt32, offset UInt32
SELECT
    database,
    suite,
    finding_id,
    change_id,
    machine_id,
    metric,
    test_id,
    order_id,
    previous_order_id,
    direction,
    kind,
    cause,
    before,
    after,
    spread,
    effect,
    effect_low,
    effect_high,
    statistic,
    p_value,
    detector,
    found_at
FROM v_change_points
WHERE database = {database:String} AND suite = {suite:String}
    AND change_id IN (
        SELECT arrayJoin(change_ids)
        FROM v_regressions
        WHERE database = {database:String} AND suite = {suite:String} AND regression_id = {regression_id:UInt32}
    )
    AND machine_id IN (
        SELECT machine_id
        FROM v_machines
        WHERE database = {database:String} AND suite = {suite:String}
    )
ORDER BY abs(effect) DESC, finding_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
