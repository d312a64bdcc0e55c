-- name: page_sample_test
-- purpose: the test of a row of a run, which its event's position names.
-- params: database String, suite String, seq UInt64, row UInt32
SELECT test_id
FROM v_run_rows
WHERE database = {database:String} AND suite = {suite:String} AND seq = {seq:UInt64} AND row = {row:UInt32}
ORDER BY test_id
LIMIT 1
