-- name: compare_hashes
-- purpose: the hash of each test's program in two sets of runs: of each set the newest run's first one.
-- params: database String, suite String, before Array(UInt64), after Array(UInt64), metric String
SELECT
    test_id,
    argMaxIf(value, (seq, -toInt64(row)), seq IN {before:Array(UInt64)}) AS hash_before,
    argMaxIf(value, (seq, -toInt64(row)), seq IN {after:Array(UInt64)}) AS hash_after
FROM v_run_texts
WHERE database = {database:String} AND suite = {suite:String}
    AND seq IN (SELECT arrayJoin(arrayConcat({before:Array(UInt64)}, {after:Array(UInt64)})))
    AND metric = {metric:String}
GROUP BY test_id
ORDER BY test_id
SETTINGS max_threads = 1
