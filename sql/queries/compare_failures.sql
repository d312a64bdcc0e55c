-- name: compare_failures
-- purpose: which tests failed in some runs, by the metric that says so, also where they left no value.
-- params: database String, suite String, seqs Array(UInt64), metrics Array(String)
SELECT DISTINCT seq, test_id, metric
FROM v_run_texts
WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
    AND has({metrics:Array(String)}, metric) AND value = '1'
ORDER BY seq, test_id, metric
SETTINGS max_threads = 1
