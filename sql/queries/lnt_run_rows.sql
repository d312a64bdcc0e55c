-- name: lnt_run_rows
-- purpose: LNT's samples of the runs at some positions: their ids and tests, without values.
-- params: database String, suite String, seqs Array(UInt64)
WITH
    -- one row per LNT sample
    wanted AS
    (
        SELECT seq, row, run_id, toUInt64(sample_id) AS sample_id, test_id
        FROM v_run_rows
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
    )
SELECT w.seq AS seq, w.row AS row, w.run_id AS run_id, w.sample_id AS sample_id, w.test_id AS test_id, t.name AS test
FROM wanted AS w
INNER JOIN
(
    SELECT test_id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String} AND test_id IN (SELECT test_id FROM wanted)
) AS t ON t.test_id = w.test_id
ORDER BY run_id, seq, row
