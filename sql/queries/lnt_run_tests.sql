-- name: lnt_run_tests
-- purpose: the names of the tests that the runs at some positions have samples of.
-- params: database String, suite String, seqs Array(UInt64)
SELECT test_id, name
FROM v_tests
WHERE database = {database:String}
  AND suite = {suite:String}
  AND test_id IN
  (
      SELECT test_id
      FROM v_run_rows
      WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
  )
ORDER BY test_id
