-- name: lnt_runs_machines
-- purpose: machines by their ids.
-- params: database String, suite String, machine_ids Array(UInt32)
SELECT machine_id, name, toJSONString(fields) AS fields_json, params
FROM v_machines
WHERE database = {database:String} AND suite = {suite:String} AND machine_id IN {machine_ids:Array(UInt32)}
ORDER BY machine_id
