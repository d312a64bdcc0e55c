-- name: page_run_results
-- purpose: the values of a run beside those of the runs it is compared with, by test and metric; the newest previous run's values come first.
-- params: database String, suite String, seq UInt64, previous_seqs Array(UInt64), test String
SELECT
    test_id,
    metric,
    groupArrayIf(value, seq = {seq:UInt64}) AS current_values,
    maxIf(failed, seq = {seq:UInt64}) AS current_failed,
    arrayMap(v -> v.3, arraySort(v -> (-toInt64(v.1), v.2), groupArrayIf((seq, row, value), seq != {seq:UInt64}))) AS previous_values,
    maxIf(failed, seq != {seq:UInt64}) AS previous_failed
FROM v_run_samples
WHERE database = {database:String} AND suite = {suite:String}
    AND seq IN (SELECT arrayJoin(arrayConcat([{seq:UInt64}], {previous_seqs:Array(UInt64)})))
    AND ({test:String} = '' OR test_id IN (
        SELECT test_id
        FROM v_tests
        WHERE database = {database:String} AND suite = {suite:String}
            AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
    ))
GROUP BY test_id, metric
ORDER BY test_id, metric
