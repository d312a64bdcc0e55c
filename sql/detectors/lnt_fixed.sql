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
        c.order_id AS order_id,
        max(c.machine_id = {machine_id:UInt32}) OVER (PARTITION BY r.regression_id) AS is_concerned
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
-- those of regressions that the machine is part of. A list, not a table: the engine would work out a table anew wherever it is named
(
    SELECT groupUniqArray((change_id, machine_id, metric, test_id, first_order_id))
    FROM indicators
    WHERE is_concerned
) AS concerned,
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
        AND has(concerned.2, own_machine_id)
        AND r.load_id NOT IN
        (
            SELECT load_id
            FROM v_gone_loads
            WHERE database = {database:String} AND suite = {suite:String} AND seq <= {seq:UInt64}
        )
),
-- the same with its machine's latest order
placed AS
(
    SELECT
        t.seq AS seq,
        t.run_id AS run_id,
        t.own_machine_id AS own_machine_id,
        t.order_id AS order_id,
        argMax(t.order_id, o.revision) OVER (PARTITION BY t.own_machine_id) AS latest_order_id
    FROM runs_then AS t
    INNER JOIN
    (
        SELECT order_id, values[{revision_field:UInt8}] AS revision
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS o ON o.order_id = t.order_id
),
-- an indicator with a run on either side
(
    SELECT groupArray((c.1, c.3, c.4, seq, run_id, order_id = c.5, order_id = latest_order_id))
    FROM placed
    ARRAY JOIN arrayFilter(c -> c.2 = own_machine_id AND (order_id = c.5 OR order_id = latest_order_id), concerned) AS c
) AS side_rows,
sides AS
(
    SELECT
        side.1 AS change_id,
        side.2 AS metric,
        side.3 AS test_id,
        side.4 AS seq,
        side.5 AS run_id,
        side.6 AS is_before,
        side.7 AS is_after
    FROM (SELECT arrayJoin(side_rows) AS side)
),
-- a value of the runs on either side
measured AS
(
    SELECT seq, metric, test_id, row, value
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT arrayJoin(side_rows.4))
        AND (metric, test_id) IN (SELECT arrayJoin(arrayZip(concerned.3, concerned.4)))
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
    toUInt8(any(i.is_concerned)) AS is_concerned,
    -- a change without values has no row, and so 0
    toUInt8(min(v.pct < 0.01)) AS is_fixed
FROM indicators AS i
LEFT JOIN valued AS v ON v.change_id = i.change_id
GROUP BY i.regression_id
ORDER BY i.regression_id
SETTINGS max_threads = 1, os_threads_nice_value_query = 4
