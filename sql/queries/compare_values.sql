-- name: compare_values
-- purpose: every value of some metrics in some runs, the newest run's first; field is the metric's place among those asked for, from 1.
-- params: database String, suite String, seqs Array(UInt64), metrics Array(String)
SELECT
    seq,
    test_id,
    toUInt16(indexOf({metrics:Array(String)}, metric)) AS field,
    value,
    failed
FROM v_run_samples
WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
    AND has({metrics:Array(String)}, metric)
ORDER BY seq DESC, row, field
SETTINGS max_threads = 1
