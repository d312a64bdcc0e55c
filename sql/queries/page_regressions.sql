-- name: page_regressions
-- purpose: regressions with what their change points add up to, largest or newest first, with ids for names, which page_names has; empty text, 0 and no states mean any. Rows of all pages are in total_count.
-- What is not needed to sort them is worked out for those that are shown.
-- params: database String, suite String, states Array(UInt8), regression_id UInt32, machine_id UInt32, machine String, metric String, test String, owner String, tag String, kind String, sort String, limit UInt32, offset UInt32
WITH
    -- one row per regression that has change points: them, what they add up to, and how many of them are asked for
    sums AS (
        SELECT
            r.regression_id AS regression_id,
            groupArray((f.machine_id, f.test_id, f.metric, f.before, f.after, f.effect)) AS members,
            sum(abs(if(f.before > 0 AND f.after > 0, log(f.after / f.before), f.effect))) AS total_effect,
            countIf(
                ({machine_id:UInt32} = 0 OR f.machine_id = {machine_id:UInt32})
                AND ({machine:String} = '' OR f.machine_id IN (
                    SELECT machine_id
                    FROM v_machines
                    WHERE database = {database:String} AND suite = {suite:String} AND {machine:String} != '' AND name = {machine:String}
                ))
                AND ({metric:String} = '' OR f.metric = {metric:String})
                AND ({test:String} = '' OR f.test_id IN (
                    SELECT test_id
                    FROM v_test_names
                    WHERE database = {database:String} AND suite = {suite:String}
                        AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
                ))
            ) AS asked_count
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
                AND machine_id IN (SELECT machine_id FROM v_machines WHERE database = {database:String} AND suite = {suite:String})
                AND ({regression_id:UInt32} = 0 OR change_id IN (
                    SELECT arrayJoin(change_ids)
                    FROM v_regressions
                    WHERE database = {database:String} AND suite = {suite:String} AND regression_id = {regression_id:UInt32}
                ))
        ) AS f ON f.change_id = r.member
        GROUP BY regression_id
    ),
    -- one row per regression to show
    shown AS (
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
            s.members AS members,
            s.total_effect AS total_effect,
            count() OVER () AS total_count
        FROM v_regressions AS r
        LEFT JOIN sums AS s ON s.regression_id = r.regression_id
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
    ),
    arrayReverseSort(m -> (abs(m.6), m.2), members)[1] AS largest
SELECT
    regression_id,
    title,
    bug,
    state,
    kind,
    cause,
    detector,
    owner,
    tags,
    note,
    seq,
    changed_at,
    actor,
    start_order_id,
    end_order_id,
    toUInt64(length(members)) AS change_count,
    toUInt64(length(arrayDistinct(members.2))) AS test_count,
    arrayDistinct(members.1) AS machine_ids,
    arraySort(arrayDistinct(arrayMap(m -> toString(m.3), members))) AS metrics,
    arrayMap(e -> e.2, arraySlice(arrayReverseSort(arrayMap(m -> (abs(m.6), m.6), members)), 1, 24)) AS effects,
    largest.2 AS largest_test_id,
    toString(largest.3) AS largest_metric,
    largest.4 AS largest_before,
    largest.5 AS largest_after,
    largest.6 AS largest_effect,
    total_effect,
    total_count
FROM shown
ORDER BY if({sort:String} = 'effect', total_effect, 0) DESC, seq DESC, regression_id DESC
SETTINGS max_threads = 1
