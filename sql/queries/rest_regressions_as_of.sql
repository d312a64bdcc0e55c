-- name: rest_regressions_as_of
-- purpose: as rest_regressions, as the suite was at a position: from the ledger alone.
-- params: as_of UInt64, database String, suite String, regression_ids Array(UInt32), uuids Array(UUID), states Array(UInt8), kind String, cause String, owner String, tag String, detector String, has_commit UInt8, commit_key String, of_members UInt8, machine_ids Array(UInt32), test_ids Array(UInt32), metric String, by_effect UInt8, below_score Float64, below_id UInt32, max_items UInt64
WITH
-- a row is a regression as the newest event up to the position left it
chosen AS
(
    SELECT regression_id, uuid, seq, opened_seq, title, bug, state, owner, tags, note, detector, kind, cause, touched, change_ids, start_order_id, end_order_id, changed_at, actor
    FROM
    (
        SELECT regression_id, uuid, seq, opened_seq, title, bug, state, owner, tags, note, detector, kind, cause, touched, change_ids, start_order_id, end_order_id, at AS changed_at, actor, deleted
        FROM v_regression_history
        WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64}
        ORDER BY seq DESC
        LIMIT 1 BY regression_id
    )
    WHERE deleted = 0
        AND (empty({regression_ids:Array(UInt32)}) OR regression_id IN {regression_ids:Array(UInt32)})
        AND (empty({uuids:Array(UUID)}) OR uuid IN {uuids:Array(UUID)})
        AND (empty({states:Array(UInt8)}) OR state IN {states:Array(UInt8)})
        AND ({kind:String} = '' OR kind = {kind:String})
        AND ({cause:String} = '' OR cause = {cause:String})
        AND ({owner:String} = '' OR owner = {owner:String})
        AND ({tag:String} = '' OR has(tags, {tag:String}))
        AND ({detector:String} = '' OR detector = {detector:String})
        AND ({has_commit:UInt8} = 2 OR (end_order_id != 0) = ({has_commit:UInt8} = 1))
),
-- a row is a change point as it was then
changes AS
(
    SELECT *
    FROM
    (
        SELECT change_id, machine_id, test_id, metric, before, after, effect, active, dismissed
        FROM v_finding_history
        WHERE database = {database:String} AND suite = {suite:String} AND seq <= {as_of:UInt64} AND shadow = 0
        ORDER BY seq DESC
        LIMIT 1 BY change_id
    )
    WHERE active = 1 AND dismissed = 0
),
-- a row is a regression and a change point in it
members AS
(
    SELECT r.regression_id AS regression_id, c.*
    FROM (SELECT regression_id, member FROM chosen ARRAY JOIN change_ids AS member) AS r
    INNER JOIN changes AS c ON c.change_id = r.member
),
-- a row is a regression of which a change point passes
wanted AS
(
    SELECT DISTINCT regression_id
    FROM members
    WHERE ({metric:String} = '' OR metric = {metric:String})
        AND (empty({machine_ids:Array(UInt32)}) OR machine_id IN {machine_ids:Array(UInt32)})
        AND (empty({test_ids:Array(UInt32)}) OR test_id IN {test_ids:Array(UInt32)})
),
-- a row is a regression with how much it is about
effects AS
(
    SELECT
        regression_id, uniqExact(test_id) AS tests, uniqExact(machine_id) AS machines, uniqExact(metric) AS metrics, count() AS changes,
        sum(abs(if(before > 0 AND after > 0, log(after / before), effect))) AS total_effect,
        argMax(effect, (abs(effect), effect)) AS largest_effect
    FROM members
    GROUP BY regression_id
),
-- a row is an order
places AS
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
)
SELECT
    r.regression_id AS regression_id, r.uuid AS uuid, r.seq AS seq, r.opened_seq AS opened_seq, r.title AS title, r.bug AS bug, r.state AS state,
    r.owner AS owner, r.tags AS tags, r.note AS note, r.detector AS detector, r.kind AS kind, r.cause AS cause, r.touched AS touched,
    r.change_ids AS change_ids, r.changed_at AS changed_at, r.actor AS actor,
    r.start_order_id AS start_order_id, a.name AS start_order, r.end_order_id AS end_order_id, z.name AS end_order,
    ifNull(e.tests, 0) AS tests, ifNull(e.machines, 0) AS machines, ifNull(e.metrics, 0) AS metrics, ifNull(e.changes, 0) AS changes,
    round(ifNull(e.total_effect, 0), 9) AS total_effect, ifNull(e.largest_effect, 0) AS largest_effect,
    if({by_effect:UInt8} = 1, total_effect, toFloat64(r.opened_seq)) AS score
FROM chosen AS r
LEFT JOIN effects AS e ON e.regression_id = r.regression_id
LEFT JOIN places AS a ON a.order_id = r.start_order_id
LEFT JOIN places AS z ON z.order_id = r.end_order_id
WHERE (score, r.regression_id) < ({below_score:Float64}, {below_id:UInt32})
    AND ({commit_key:String} = '' OR (r.end_order_id != 0 AND a.sort_key < unhex({commit_key:String}) AND unhex({commit_key:String}) <= z.sort_key))
    AND ({of_members:UInt8} = 0 OR r.regression_id IN (SELECT regression_id FROM wanted))
ORDER BY score DESC, r.regression_id DESC
LIMIT {max_items:UInt64}
