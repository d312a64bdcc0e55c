-- name: lnt_run_texts
-- purpose: the values of Status and Hash metrics of the runs at some positions; metric is the place in metrics, from 1, or 0.
-- params: database String, suite String, seqs Array(UInt64), metrics Array(String)
SELECT seq, row, toUInt32(indexOf({metrics:Array(String)}, metric)) AS metric_index, value
FROM v_run_texts
WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
