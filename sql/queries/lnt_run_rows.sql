-- name: lnt_run_rows
-- purpose: LNT's samples of the runs at some positions: their ids and tests, without values and names; rows of a run come in order of their ids.
-- params: database String, suite String, seqs Array(UInt64)
SELECT seq, row, run_id, toUInt64(sample_id) AS sample_id, test_id
FROM v_run_rows
WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
ORDER BY run_id, seq, row
