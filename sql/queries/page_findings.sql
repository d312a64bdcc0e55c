-- name: page_findings
-- purpose: findings of a suite that stand, by what is asked for, with the machines that they were found on and ids for names; empty lists, empty text and 0 mean any.
-- gone are the machines whose findings do not stand. Places of orders are read for the sort by order alone.
-- params: database String, suite String, own_machine_ids Array(UInt32), gone Array(UInt32), metric String, test_id UInt32, test String, kind String, order_id UInt32, sort String, limit UInt32, offset UInt32
SELECT
    f.database AS database,
    f.suite AS suite,
    f.finding_id AS finding_id,
    f.machine_id AS machine_id,
    f.metric AS metric,
    f.test_id AS test_id,
    f.order_id AS order_id,
    f.previous_order_id AS previous_order_id,
    f.direction AS direction,
    f.kind AS kind,
    f.before AS before,
    f.after AS after,
    f.spread AS spread,
    f.effect AS effect,
    f.statistic AS statistic,
    f.p_value AS p_value,
    f.detector AS detector,
    f.found_at AS found_at
FROM v_finding_states AS f
LEFT ANY JOIN
(
    SELECT order_id, sort_key
    FROM v_delivered_orders
    WHERE database = {database:String} AND suite = {suite:String} AND {sort:String} = 'order'
) AS o ON o.order_id = f.order_id
WHERE f.database = {database:String} AND f.suite = {suite:String}
    AND f.active = 1 AND f.dismissed = 0 AND f.shadow = 0
    AND (empty({own_machine_ids:Array(UInt32)}) OR f.machine_id IN {own_machine_ids:Array(UInt32)})
    AND f.machine_id NOT IN {gone:Array(UInt32)}
    AND ({metric:String} = '' OR f.metric = {metric:String})
    AND ({test_id:UInt32} = 0 OR f.test_id = {test_id:UInt32})
    AND ({test:String} = '' OR f.test_id IN (
        SELECT test_id
        FROM v_test_names
        WHERE database = {database:String} AND suite = {suite:String}
            AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
    ))
    AND ({kind:String} = '' OR f.kind = {kind:String})
    AND ({order_id:UInt32} = 0 OR f.order_id = {order_id:UInt32})
ORDER BY
    if({sort:String} = 'newest', f.found_at, toDateTime64(0, 3, 'UTC')) DESC,
    if({sort:String} = 'newest', f.order_id, 0) DESC,
    o.sort_key DESC,
    abs(f.effect) DESC,
    f.finding_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
