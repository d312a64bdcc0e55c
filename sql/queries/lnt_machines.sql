-- name: lnt_machines
-- purpose: all machines of a suite with their attributes, by id.
-- params: database String, suite String
SELECT machine_id, name, toJSONString(fields) AS fields_json, params
FROM v_machines
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY machine_id
