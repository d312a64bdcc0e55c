-- name: detect_touched
-- purpose: the runs that came in a range of the log, oldest first, with the place that a job has to look at. Runs that asked not to be looked at are left out. Rows of machine 0 say that in the range something went or changed its machine, too, and detect_withdrawn tells what.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64
SELECT seq, machine_id, order_id, sample_count, run_seq
FROM
(
    SELECT seq, machine_id, order_id, sample_count, seq AS run_seq
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq > {from_seq:UInt64}
        AND seq <= {to_seq:UInt64}
        AND ignore_regressions = 0
    UNION ALL
    SELECT max(seq), 0, 0, 0, 0
    FROM v_gone_loads
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {from_seq:UInt64} AND seq <= {to_seq:UInt64}
    HAVING count() > 0
    UNION ALL
    SELECT max(seq), 0, 0, 0, 0
    FROM v_machine_states
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {from_seq:UInt64} AND seq <= {to_seq:UInt64} AND merged_into != 0
    HAVING count() > 0
)
ORDER BY seq, machine_id, order_id, run_seq
