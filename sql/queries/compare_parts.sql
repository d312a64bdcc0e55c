-- name: compare_parts
-- purpose: what some runs say of some Real metrics, as columns. found has 16 bytes per value, in the order of the rows: its cell and the number, the least byte first; a cell is the test, times 2^32, plus the metric's place among those asked for from 1, times 2, plus 1 if the value failed. failed_* are an entry per test that one of the statuses says failed, also where it left no value, hash_* one per value of the metric hash.
-- params: database String, suite String, seqs Array(UInt64), metrics Array(String), statuses Array(String), hash String
SELECT
    seq,
    -- two fixed strings make a text, one alone would lose the zeros at its end
    arrayStringConcat(arrayMap(
        (t, m, f, v) -> concat(
            reinterpretAsFixedString(toUInt64(t) * 4294967296 + indexOf({metrics:Array(String)}, m) * 2 + f),
            reinterpretAsFixedString(v),
            ''
        ),
        sample_test_id, sample_metric, sample_failed, sample_value
    )) AS found,
    arrayFilter((t, m, v) -> v = '1' AND has({statuses:Array(String)}, m), text_test_id, text_metric, text_value) AS failed_tests,
    arrayMap(x -> toString(x), arrayFilter((m, v) -> v = '1' AND has({statuses:Array(String)}, m), text_metric, text_value)) AS failed_metrics,
    arrayFilter((t, m) -> m = {hash:String}, text_test_id, text_metric) AS hash_tests,
    arrayFilter((v, m) -> m = {hash:String}, text_value, text_metric) AS hash_values
FROM v_delivered_runs
WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
ORDER BY seq DESC
LIMIT 1 BY seq
SETTINGS max_threads = 1
