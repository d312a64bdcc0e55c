-- name: lnt_fixed
-- purpose: the regressions that are still looked at, each with whether a machine is part of it and whether LNT calls it fixed as of a position.
-- params: database String, suite String, seq UInt64, machine_id UInt32, revision_field UInt8, bigger_is_better Array(String)
-- detector: lnt
-- version: 1
--
-- LNT calls a regression fixed when each of its changes shows less than 1 percent
-- between the runs at the change's first order and those at its machine's latest
-- order. Latest is the greatest by text, not by number. The sign counts: what became
-- smaller is fixed, whether smaller is better or not. Without values on either side
-- there is nothing to see, and that is fixed too.
WITH
-- an indicator: a change in a regression
indicators AS
(
    SELECT
        r.regression_id AS regression_id,
        r.title AS title,
        r.state AS state,
        c.change_id AS change_id,
        c.machine_id AS machine_id,
        c.metric AS metric,
        c.test_id AS test_id,
        c.previous_order_id AS first_order_id,
        c.order_id AS order_id
    FROM
    (
        SELECT regression_id, title, state, change_id
        FROM v_regressions
        ARRAY JOIN change_ids AS change_id
        WHERE database = {database:String} AND suite = {suite:String} AND state IN (0, 1, 10)
            -- a run that is judged again after later ones decides nothing
            AND
            (
                SELECT max(data_seq)
                FROM v_finding_states
                WHERE database = {database:String} AND suite = {suite:String} AND detector = 'lnt'
            ) <= {seq:UInt64}
    ) AS r
    INNER JOIN
    (
        SELECT change_id, machine_id, metric, test_id, previous_order_id, order_id
        FROM v_change_points
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS c ON c.change_id = r.change_id
),
-- those of regressions that the machine is part of
concerned AS
(
    SELECT DISTINCT change_id, machine_id, metric, test_id, first_order_id
    FROM indicators
    WHERE regression_id IN (SELECT regression_id FROM indicators WHERE machine_id = {machine_id:UInt32})
),
-- a run that stood at the position, on one of their machines
runs_then AS
(
    SELECT
        r.seq AS seq,
        r.run_id AS run_id,
        if(m.merged_into > 0, m.merged_into, r.machine_id) AS own_machine_id,
        r.order_id AS order_id
    FROM v_decisions AS r
    LEFT JOIN
    (
        SELECT machine_id, merged_into
        FROM v_machine_states
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS m ON m.machine_id = r.machine_id
    WHERE r.database = {database:String}
        AND r.suite = {suite:String}
        AND r.seq <= {seq:UInt64}
        AND r.load_id > 0
        AND own_machine_id IN (SELECT machine_id FROM concerned)
        AND r.load_id NOT IN
        (
            SELECT load_id
            FROM v_gone_loads
            WHERE database = {database:String} AND suite = {suite:String} AND seq <= {seq:UInt64}
        )
),
-- a machine with its latest order
latest AS
(
    SELECT t.own_machine_id AS machine_id, argMax(t.order_id, o.revision) AS order_id
    FROM runs_then AS t
    INNER JOIN
    (
        SELECT order_id, values[{revision_field:UInt8}] AS revision
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS o ON o.order_id = t.order_id
    GROUP BY machine_id
),
-- an indicator with a run on either side
sides AS
(
    SELECT
        c.change_id AS change_id,
        c.metric AS metric,
        c.test_id AS test_id,
        t.seq AS seq,
        t.run_id AS run_id,
        t.order_id = c.first_order_id AS is_before,
        t.order_id = l.order_id AS is_after
    FROM concerned AS c
    INNER JOIN latest AS l ON l.machine_id = c.machine_id
    INNER JOIN runs_then AS t ON t.own_machine_id = c.machine_id
    WHERE is_before OR is_after
),
-- a value of the runs on either side
measured AS
(
    SELECT seq, metric, test_id, row, value
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT seq FROM sides)
        AND (metric, test_id) IN (SELECT metric, test_id FROM concerned)
),
-- an indicator with its values, in the order of LNT's lists
valued AS
(
    SELECT
        s.change_id AS change_id,
        has({bigger_is_better:Array(String)}, any(s.metric)) AS more_is_better,
        arrayMap(v -> v.3, arraySort(groupArrayIf((s.run_id, v.row, v.value), s.is_before))) AS before_values,
        groupArrayIf(v.value, s.is_after) AS after_values,
        if(more_is_better, arrayMax(after_values), arrayMin(after_values)) AS best,
        arrayMap(p -> abs(best - p), before_values) AS distances,
        -- the nearest one before, of equally near ones the last
        before_values[length(distances) + 1 - indexOf(arrayReverse(distances), arrayMin(distances))] AS nearest,
        if(notEmpty(after_values) AND notEmpty(before_values) AND best != 0 AND nearest != 0, (best - nearest) / nearest, 0) AS pct
    FROM sides AS s
    INNER JOIN measured AS v ON v.seq = s.seq AND v.metric = s.metric AND v.test_id = s.test_id
    GROUP BY s.change_id
)
SELECT
    i.regression_id AS regression_id,
    any(i.title) AS title,
    any(i.state) AS state,
    max(i.order_id) AS newest_order_id,
    toUInt8(max(i.machine_id = {machine_id:UInt32})) AS is_concerned,
    -- a change without values has no row, and so 0
    toUInt8(min(v.pct < 0.01)) AS is_fixed
FROM indicators AS i
LEFT JOIN valued AS v ON v.change_id = i.change_id
GROUP BY i.regression_id
ORDER BY i.regression_id
SETTINGS max_threads = 1, os_threads_nice_value_query = 4
