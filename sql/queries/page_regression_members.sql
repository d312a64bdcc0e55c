-- name: page_regression_members
-- purpose: the change points of a regression, largest first.
-- params: database String, suite String, regression_id UInt32, limit UInt32, offset UInt32
SELECT
    database,
    suite,
    finding_id,
    change_id,
    machine_id,
    machine,
    metric,
    test_id,
    test,
    order_id,
    order_name,
    previous_order_id,
    previous_order_name,
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
FROM v_regression_members
WHERE database = {database:String} AND suite = {suite:String} AND regression_id = {regression_id:UInt32}
ORDER BY abs(effect) DESC, finding_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
