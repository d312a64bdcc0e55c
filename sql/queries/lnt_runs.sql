-- name: lnt_runs
-- purpose: runs by their ids.
-- params: database String, suite String, run_ids Array(UInt32)
SELECT run_id, order_id, machine_id, seq, sample_rows, start_at, end_at, toJSONString(fields) AS fields_json, params
FROM v_runs
WHERE database = {database:String} AND suite = {suite:String} AND run_id IN {run_ids:Array(UInt32)}
ORDER BY run_id
