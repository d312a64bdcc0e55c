-- name: lnt_sample_run
-- purpose: the run that an LNT sample belongs to, and its row there.
-- params: database String, suite String, sample_id UInt64
SELECT run_id, seq, toUInt32({sample_id:UInt64} - first_sample_id) AS row
FROM v_runs
WHERE database = {database:String}
  AND suite = {suite:String}
  AND first_sample_id <= {sample_id:UInt64}
  AND first_sample_id + sample_rows > {sample_id:UInt64}
ORDER BY run_id
LIMIT 1
