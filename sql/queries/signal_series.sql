-- name: signal_series
-- purpose: of a machine's newest run and of those before it: how many series they bring, and which the newest lacks. Positions come newest first.
-- params: database String, suite String, machine_id UInt32, seqs Array(UInt64), share Float64
WITH
-- a run with its series
brought AS
(
    SELECT seq, groupUniqArray((metric, test_id)) AS series
    FROM v_run_samples
    WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)} AND machine_id = {machine_id:UInt32}
    GROUP BY seq
),
-- how many series runs bring
counted AS
(
    SELECT
        sumIf(length(series), seq = {seqs:Array(UInt64)}[1]) AS newest,
        -- a run without any value has no row
        arrayResize(groupArrayIf(length(series), seq != {seqs:Array(UInt64)}[1]), length({seqs:Array(UInt64)}) - 1, 0) AS earlier,
        arrayReduce('quantileExactInclusive(0.5)', earlier) AS usual,
        arrayCount(n -> n < {share:Float64} * usual, earlier) / greatest(length(earlier), 1) AS small_share
    FROM brought
),
-- a series that most earlier runs bring and the newest does not
gone AS
(
    SELECT (arrayJoin(series) AS one).1 AS metric, one.2 AS test_id
    FROM brought
    GROUP BY one
    HAVING countIf(seq != {seqs:Array(UInt64)}[1]) * 2 > length({seqs:Array(UInt64)}) - 1 AND countIf(seq = {seqs:Array(UInt64)}[1]) = 0
)
SELECT
    c.newest AS newest,
    c.usual AS usual,
    c.small_share AS small_share,
    (SELECT arraySort(groupUniqArray(name)) FROM v_tests WHERE database = {database:String} AND suite = {suite:String} AND test_id IN (SELECT test_id FROM gone)) AS tests,
    -- metrics of which the newest run has nothing
    (
        SELECT arraySort(groupUniqArray(metric))
        FROM gone
        WHERE metric NOT IN (SELECT (arrayJoin(series)).1 FROM brought WHERE seq = {seqs:Array(UInt64)}[1])
    ) AS metrics
FROM counted AS c
