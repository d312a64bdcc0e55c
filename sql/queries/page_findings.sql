-- name: page_findings
-- purpose: findings that stand, by what is asked for, with ids for names, which page_names has; empty text and 0 mean any.
-- Orders sort the findings of one suite; those of several are not sorted by them, and none are read.
-- params: database String, suite String, machine_id UInt32, machine String, metric String, test_id UInt32, test String, kind String, order_id UInt32, sort String, limit UInt32, offset UInt32
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
FROM v_change_points AS f
LEFT JOIN
(
    SELECT order_id, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o ON o.order_id = f.order_id
WHERE ({database:String} = '' OR f.database = {database:String})
    AND ({suite:String} = '' OR f.suite = {suite:String})
    AND ({machine_id:UInt32} = 0 OR f.machine_id = {machine_id:UInt32})
    AND (f.database, f.suite, f.machine_id) IN (
        SELECT database, suite, machine_id
        FROM v_machines
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
            AND ({machine:String} = '' OR positionCaseInsensitiveUTF8(name, {machine:String}) > 0)
    )
    AND ({metric:String} = '' OR f.metric = {metric:String})
    AND ({test_id:UInt32} = 0 OR f.test_id = {test_id:UInt32})
    AND ({test:String} = '' OR (f.database, f.suite, f.test_id) IN (
        SELECT database, suite, test_id
        FROM v_test_names
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
            AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
    ))
    AND ({kind:String} = '' OR f.kind = {kind:String})
    AND ({order_id:UInt32} = 0 OR f.order_id = {order_id:UInt32})
ORDER BY
    if({sort:String} = 'newest', f.found_at, toDateTime64(0, 3, 'UTC')) DESC,
    if({sort:String} = 'effect', abs(f.effect), 0) DESC,
    o.sort_key DESC,
    abs(f.effect) DESC,
    f.finding_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
