-- name: detect_batches
-- purpose: the series of a machine in portions of about so many samples: a metric and a range of tests each.
-- params: database String, suite String, machine_id UInt32, metrics Array(String), tests Array(UInt32), samples UInt64
-- Only bounds the work: what came after the position that is asked about may be counted, too.
WITH
-- a series with its samples and how many there are up to it
counted AS
(
    SELECT
        metric,
        test_id,
        n,
        sum(n) OVER (PARTITION BY metric ORDER BY test_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far
    FROM
    (
        SELECT metric, test_id, count() AS n
        FROM v_samples
        WHERE database = {database:String}
            AND suite = {suite:String}
            AND machine_id = {machine_id:UInt32}
            AND (empty({metrics:Array(String)}) OR metric IN {metrics:Array(String)})
            AND (empty({tests:Array(UInt32)}) OR test_id IN {tests:Array(UInt32)})
        GROUP BY metric, test_id
    )
)
SELECT
    toString(metric) AS metric,
    min(test_id) AS from_test,
    max(test_id) AS to_test,
    count() AS series,
    sum(n) AS samples
FROM counted
GROUP BY metric, intDiv(so_far - 1, {samples:UInt64})
ORDER BY metric, from_test
