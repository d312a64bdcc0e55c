-- name: detect_series
-- purpose: the series of a machine that have a value in some runs, of all that it ever had when no run is named.
-- params: database String, suite String, machine_id UInt32, seqs Array(UInt64)
SELECT DISTINCT toString(metric) AS metric, test_id
FROM
(
    SELECT metric, test_id
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN {seqs:Array(UInt64)}
        AND machine_id = {machine_id:UInt32}
    UNION ALL
    SELECT metric, test_id
    FROM v_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id = {machine_id:UInt32}
        AND empty({seqs:Array(UInt64)})
)
ORDER BY metric, test_id
