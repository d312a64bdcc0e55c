-- name: detect_touched
-- purpose: the runs that came after a position, oldest first: what a job has to look at. Runs that asked not to be looked at are left out.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64
SELECT seq, machine_id, sample_count
FROM v_runs
WHERE database = {database:String}
    AND suite = {suite:String}
    AND seq > {from_seq:UInt64}
    AND seq <= {to_seq:UInt64}
    AND ignore_regressions = 0
ORDER BY seq
