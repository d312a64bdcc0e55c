-- name: page_findings
-- purpose: findings that stand, by what is asked for; empty text and 0 mean any.
-- params: database String, suite String, machine_id UInt32, machine String, metric String, test_id UInt32, test String, kind String, order_id UInt32, sort String, limit UInt32, offset UInt32
SELECT
    database,
    suite,
    finding_id,
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
    before,
    after,
    spread,
    effect,
    statistic,
    p_value,
    detector,
    found_at
FROM v_findings
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
    AND ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
    AND ({machine:String} = '' OR positionCaseInsensitiveUTF8(machine, {machine:String}) > 0)
    AND ({metric:String} = '' OR metric = {metric:String})
    AND ({test_id:UInt32} = 0 OR test_id = {test_id:UInt32})
    AND ({test:String} = '' OR positionCaseInsensitiveUTF8(test, {test:String}) > 0)
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({order_id:UInt32} = 0 OR order_id = {order_id:UInt32})
ORDER BY
    if({sort:String} = 'newest', found_at, toDateTime64(0, 3, 'UTC')) DESC,
    if({sort:String} = 'effect', abs(effect), 0) DESC,
    if({sort:String} = 'order' OR {database:String} != '' AND {suite:String} != '', sort_key, '') DESC,
    abs(effect) DESC,
    finding_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
