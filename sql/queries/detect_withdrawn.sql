-- name: detect_withdrawn
-- purpose: what went or changed its machine in a range of the log, oldest first: a row per run with the place that a job has to look at. Rarely anything, and dear to plan: asked for when detect_touched says so.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64
WITH
-- generations that were taken away
gone AS
(
    SELECT load_id, max(seq) AS taken_at
    FROM v_gone_loads
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {from_seq:UInt64} AND seq <= {to_seq:UInt64}
    GROUP BY load_id
),
-- a machine with what it counts for, and when that was last said
counted_for AS
(
    SELECT machine_id, if(merged_into = 0, machine_id, merged_into) AS target_id, merged_into != 0 AS is_merged, seq AS merged_at
    FROM v_machine_states
    WHERE database = {database:String} AND suite = {suite:String}
)
SELECT seq, machine_id, order_id, sample_count, run_seq
FROM
(
    -- what was taken away is no longer there to be read
    SELECT g.taken_at AS seq, m.target_id AS machine_id, l.order_id AS order_id, 0 AS sample_count, l.seq AS run_seq
    FROM v_ledger AS l
    INNER JOIN gone AS g ON g.load_id = l.load_id
    INNER JOIN counted_for AS m ON m.machine_id = l.machine_id
    WHERE l.database = {database:String} AND l.suite = {suite:String} AND l.load_id IN (SELECT load_id FROM gone)
    UNION ALL
    SELECT m.merged_at AS seq, m.target_id AS machine_id, r.order_id AS order_id, r.sample_count AS sample_count, r.seq AS run_seq
    FROM v_ledger AS l
    INNER JOIN counted_for AS m ON m.machine_id = l.machine_id
    INNER JOIN v_runs AS r ON r.database = l.database AND r.suite = l.suite AND r.load_id = l.load_id
    WHERE l.database = {database:String}
        AND l.suite = {suite:String}
        AND l.run_id > 0
        AND l.machine_id IN (SELECT machine_id FROM counted_for WHERE is_merged AND merged_at > {from_seq:UInt64} AND merged_at <= {to_seq:UInt64})
        AND m.is_merged
)
ORDER BY seq, machine_id, order_id, run_seq
