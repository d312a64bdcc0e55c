-- name: detect_breadth
-- purpose: how many series have a value in some runs of a machine.
-- params: database String, suite String, machine_id UInt32, seqs Array(UInt64)
SELECT uniqExact(metric, test_id) AS series
FROM v_run_samples
WHERE database = {database:String}
    AND suite = {suite:String}
    AND seq IN {seqs:Array(UInt64)}
    AND machine_id = {machine_id:UInt32}
