-- name: page_regressions
-- purpose: regressions with what their change points add up to, largest or newest first; empty text, 0 and no states mean any. Rows of all pages are in total_count.
-- params: database String, suite String, states Array(UInt8), regression_id UInt32, machine_id UInt32, machine String, metric String, test String, owner String, tag String, kind String, sort String, limit UInt32, offset UInt32
WITH
    -- one row per regression and change point in it that stands, with numbers instead of names
    members AS (
        SELECT
            r.regression_id AS regression_id,
            f.machine_id AS machine_id,
            m.name AS machine,
            toString(f.metric) AS metric,
            f.test_id AS test_id,
            f.before AS before,
            f.after AS after,
            f.effect AS effect
        FROM
        (
            SELECT regression_id, arrayJoin(change_ids) AS member
            FROM v_regressions
            WHERE database = {database:String} AND suite = {suite:String}
                AND ({regression_id:UInt32} = 0 OR regression_id = {regression_id:UInt32})
                AND (empty({states:Array(UInt8)}) OR has({states:Array(UInt8)}, state))
        ) AS r
        INNER JOIN
        (
            SELECT change_id, machine_id, metric, test_id, before, after, effect
            FROM v_change_points
            WHERE database = {database:String} AND suite = {suite:String}
        ) AS f ON f.change_id = r.member
        INNER JOIN
        (
            SELECT machine_id, name
            FROM v_machines
            WHERE database = {database:String} AND suite = {suite:String}
        ) AS m ON m.machine_id = f.machine_id
    ),
    -- one row per regression that has change points: what they add up to, and how many of them are asked for
    sums AS (
        SELECT
            regression_id,
            count() AS change_count,
            uniqExact(test_id) AS test_count,
            uniqExact(machine_id) AS machine_count,
            arraySort(groupUniqArray(metric)) AS metrics,
            arraySlice(arraySort(groupUniqArray(machine)), 1, 3) AS machines,
            arrayMap(e -> e.2, arraySlice(arrayReverseSort(groupArray((abs(effect), effect))), 1, 24)) AS effects,
            argMax((test_id, before, after, metric, effect), (abs(effect), test_id)) AS largest,
            sum(abs(if(before > 0 AND after > 0, log(after / before), effect))) AS total_effect,
            countIf(
                ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
                AND ({machine:String} = '' OR machine = {machine:String})
                AND ({metric:String} = '' OR metric = {metric:String})
                AND ({test:String} = '' OR test_id IN (
                    SELECT test_id
                    FROM v_tests
                    WHERE database = {database:String} AND suite = {suite:String}
                        AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
                ))
            ) AS asked_count
        FROM members
        GROUP BY regression_id
    ),
    -- one row per order that a regression begins or ends at
    named AS (
        SELECT order_id, name
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    )
SELECT
    r.regression_id AS regression_id,
    r.title AS title,
    r.bug AS bug,
    r.state AS state,
    r.kind AS kind,
    r.cause AS cause,
    r.detector AS detector,
    r.owner AS owner,
    r.tags AS tags,
    r.note AS note,
    r.seq AS seq,
    r.changed_at AS changed_at,
    r.actor AS actor,
    r.start_order_id AS start_order_id,
    r.end_order_id AS end_order_id,
    b.name AS start_order_name,
    e.name AS end_order_name,
    s.change_count AS change_count,
    s.test_count AS test_count,
    s.machine_count AS machine_count,
    s.metrics AS metrics,
    s.machines AS machines,
    s.effects AS effects,
    s.largest.1 AS largest_test_id,
    s.largest.4 AS largest_metric,
    s.largest.2 AS largest_before,
    s.largest.3 AS largest_after,
    s.largest.5 AS largest_effect,
    s.total_effect AS total_effect,
    count() OVER () AS total_count
FROM v_regressions AS r
LEFT JOIN sums AS s ON s.regression_id = r.regression_id
LEFT JOIN named AS b ON b.order_id = r.start_order_id
LEFT JOIN named AS e ON e.order_id = r.end_order_id
WHERE r.database = {database:String} AND r.suite = {suite:String}
    AND (empty({states:Array(UInt8)}) OR has({states:Array(UInt8)}, r.state))
    AND ({regression_id:UInt32} = 0 OR r.regression_id = {regression_id:UInt32})
    AND ({owner:String} = '' OR r.owner = {owner:String})
    AND ({tag:String} = '' OR has(r.tags, {tag:String}))
    AND ({kind:String} = '' OR r.kind = {kind:String} OR {kind:String} = 'machine' AND r.cause = 'machine')
    AND ({machine_id:UInt32} = 0 AND {machine:String} = '' AND {metric:String} = '' AND {test:String} = '' OR s.asked_count > 0)
ORDER BY if({sort:String} = 'effect', s.total_effect, 0) DESC, r.seq DESC, r.regression_id DESC
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
