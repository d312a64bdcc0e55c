-- name: run_parts
-- purpose: what the runs at some positions brought, as columns.
-- params: database String, suite String, seqs Array(UInt64)
SELECT seq, run_id, first_sample_id, row_test_id, sample_row, sample_metric, sample_value, text_row, text_metric, text_value
FROM v_run_parts
WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
ORDER BY run_id, seq
