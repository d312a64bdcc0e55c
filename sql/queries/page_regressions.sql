-- name: page_regressions
-- purpose: which regressions a page of the list has, largest or newest first; how many there are on all pages is in total_count, what they are is in page_regression_rows. Empty text and lists mean any; narrowed is 1 when a change point has to be of the machines, the metric and the test.
-- gone are the machines whose change points do not stand.
-- params: database String, suite String, states Array(UInt8), gone Array(UInt32), machine_ids Array(UInt32), metric String, test String, owner String, tag String, kind String, narrowed UInt8, sort String, limit UInt32, offset UInt32
SELECT
    r.regression_id AS regression_id,
    count() OVER () AS total_count
FROM
(
    SELECT regression_id, seq, member
    FROM v_regressions
    LEFT ARRAY JOIN change_ids AS member
    WHERE database = {database:String} AND suite = {suite:String}
        AND (empty({states:Array(UInt8)}) OR has({states:Array(UInt8)}, state))
        AND ({owner:String} = '' OR owner = {owner:String})
        AND ({tag:String} = '' OR has(tags, {tag:String}))
        AND ({kind:String} = '' OR kind = {kind:String} OR {kind:String} = 'machine' AND cause = 'machine')
) AS r
LEFT JOIN
(
    SELECT
        change_id,
        abs(if(before > 0 AND after > 0, log(after / before), effect)) AS size,
        (empty({machine_ids:Array(UInt32)}) OR has({machine_ids:Array(UInt32)}, machine_id))
        AND ({metric:String} = '' OR metric = {metric:String})
        AND ({test:String} = '' OR test_id IN (
            SELECT test_id
            FROM v_test_names
            WHERE database = {database:String} AND suite = {suite:String}
                AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
        )) AS asked
    FROM v_finding_states
    WHERE database = {database:String} AND suite = {suite:String}
        AND active = 1 AND dismissed = 0 AND shadow = 0
        AND machine_id NOT IN {gone:Array(UInt32)}
        AND ({sort:String} = 'effect' OR {narrowed:UInt8} = 1)
) AS f ON f.change_id = r.member
GROUP BY regression_id
HAVING {narrowed:UInt8} = 0 OR max(f.asked) = 1
ORDER BY if({sort:String} = 'effect', sum(f.size), 0) DESC, any(r.seq) DESC, regression_id DESC
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}
SETTINGS max_threads = 1
