-- name: page_run_texts
-- purpose: failures and hashes of a run beside those of the runs it is compared with, by test and metric; hashes are the newest run's first ones.
-- params: database String, suite String, seq UInt64, previous_seqs Array(UInt64), metrics Array(String), test String
SELECT
    test_id,
    metric,
    maxIf(value = '1', seq = {seq:UInt64}) AS current_failed,
    maxIf(value = '1', seq != {seq:UInt64}) AS previous_failed,
    argMaxIf(value, (seq, -toInt64(row)), seq = {seq:UInt64}) AS current_text,
    argMaxIf(value, (seq, -toInt64(row)), seq != {seq:UInt64}) AS previous_text
FROM v_run_texts
WHERE database = {database:String} AND suite = {suite:String}
    AND seq IN (SELECT arrayJoin(arrayConcat([{seq:UInt64}], {previous_seqs:Array(UInt64)})))
    AND has({metrics:Array(String)}, metric)
    AND ({test:String} = '' OR test_id IN (
        SELECT test_id
        FROM v_tests
        WHERE database = {database:String} AND suite = {suite:String}
            AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
    ))
GROUP BY test_id, metric
ORDER BY test_id, metric
