-- name: lnt_machine
-- purpose: the machines that a spec means: the one of an id, or all of a name when the id is 0.
-- params: database String, suite String, machine_id UInt32, machine String
SELECT machine_id, name, toJSONString(fields) AS fields_json, params
FROM v_machines
WHERE database = {database:String}
  AND suite = {suite:String}
  AND if({machine_id:UInt32} > 0, machine_id = {machine_id:UInt32}, name = {machine:String})
ORDER BY machine_id
