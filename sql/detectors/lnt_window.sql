-- name: lnt_window
-- purpose: the next runs that LNT would judge, oldest first, each with the runs it is compared with as they stood when it came.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64, max_runs UInt64
-- detector: lnt
-- version: 1
--
-- A run is judged as of its own position: with the runs that had come and had not
-- been replaced or taken back by then, so that the answer is the same whenever it is
-- asked. current_seqs are the runs of its machine at its order, previous_seqs those of
-- the up to ten orders before it that the machine reported, the nearest order first;
-- at one order runs go by id. Both are in the order of LNT's lists. previous_order_id
-- is the nearest of these orders, the own one when there is none. LNT looks for a
-- change that it knows only when the order is the machine's newest (is_newest).
WITH
-- a generation of a run with where it stands and the position that took it away, 0 for none
generations AS
(
    SELECT
        d.seq AS seq,
        d.run_id AS run_id,
        d.machine_id AS machine_id,
        d.order_id AS order_id,
        o.sort_key AS sort_key,
        g.gone_seq AS gone_seq
    FROM
    (
        SELECT
            r.seq AS seq,
            r.run_id AS run_id,
            r.load_id AS load_id,
            if(m.merged_into > 0, m.merged_into, r.machine_id) AS machine_id,
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
            AND r.seq <= {to_seq:UInt64}
            AND r.load_id > 0
    ) AS d
    INNER JOIN
    (
        SELECT order_id, sort_key
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS o ON o.order_id = d.order_id
    LEFT JOIN
    (
        SELECT load_id, min(seq) AS gone_seq
        FROM v_gone_loads
        WHERE database = {database:String} AND suite = {suite:String}
        GROUP BY load_id
    ) AS g ON g.load_id = d.load_id
),
-- a run to judge
judged AS
(
    SELECT
        g.seq AS seq,
        g.run_id AS run_id,
        g.machine_id AS machine_id,
        g.order_id AS order_id,
        g.sort_key AS sort_key
    FROM generations AS g
    INNER JOIN
    (
        SELECT machine_id
        FROM v_machines
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS m ON m.machine_id = g.machine_id
    INNER JOIN
    (
        SELECT seq
        FROM v_ledger
        WHERE database = {database:String}
            AND suite = {suite:String}
            AND seq > {from_seq:UInt64}
            AND seq <= {to_seq:UInt64}
            AND params['ignore_regressions'] = ''
    ) AS l ON l.seq = g.seq
    WHERE g.seq > {from_seq:UInt64}
    ORDER BY seq
    LIMIT {max_runs:UInt64}
),
-- an order of a judged run's machine, as it was then, with its runs
reported AS
(
    SELECT
        j.seq AS seq,
        j.run_id AS run_id,
        j.machine_id AS machine_id,
        j.order_id AS own_order_id,
        j.sort_key AS own_key,
        g.order_id AS order_id,
        g.sort_key AS sort_key,
        arraySort(groupArray((g.run_id, g.seq))) AS runs
    FROM generations AS g
    INNER JOIN judged AS j ON j.machine_id = g.machine_id
    WHERE g.seq <= j.seq AND (g.gone_seq = 0 OR g.gone_seq > j.seq)
    GROUP BY ALL
),
-- the same, one row per judged run
windows AS
(
    SELECT
        seq,
        run_id,
        machine_id,
        own_order_id AS order_id,
        arrayMap(r -> r.2, anyIf(runs, reported.order_id = own_order_id)) AS current_seqs,
        -- the nearest orders before it
        arraySlice(
            arrayReverseSort(o -> (o.1, o.2), groupArrayIf((sort_key, reported.order_id, runs), sort_key < own_key)),
            1,
            10
        ) AS nearest,
        -- their runs, by how near the order is and then by id
        arraySort(
            arrayFlatten(arrayMap(
                (o, near) -> arrayMap(r -> (near, r.1, r.2, o.2), o.3),
                nearest,
                arrayEnumerateDense(arrayMap(o -> o.1, nearest))
            ))
        ) AS previous,
        countIf((sort_key, reported.order_id) > (own_key, own_order_id)) = 0 AS is_newest
    FROM reported
    GROUP BY seq, run_id, machine_id, own_order_id, own_key
)
SELECT
    w.seq AS seq,
    w.run_id AS run_id,
    w.machine_id AS machine_id,
    w.order_id AS order_id,
    toUInt8(w.is_newest) AS is_newest,
    toUInt8(r.seq > 0) AS is_replacement,
    if(empty(w.previous), w.order_id, w.previous[1].4) AS previous_order_id,
    w.current_seqs AS current_seqs,
    arrayMap(p -> p.3, w.previous) AS previous_seqs
FROM windows AS w
LEFT JOIN
(
    SELECT DISTINCT seq
    FROM v_gone_loads
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq > {from_seq:UInt64}
        AND seq <= {to_seq:UInt64}
) AS r ON r.seq = w.seq
ORDER BY w.seq
SETTINGS max_threads = 1, os_threads_nice_value_query = 4
