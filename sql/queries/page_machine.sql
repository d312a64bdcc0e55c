-- name: page_machine
-- purpose: one machine with its attributes.
-- params: database String, suite String, machine_id UInt32
SELECT machine_id, name AS machine, fields, params
FROM v_machines
WHERE database = {database:String} AND suite = {suite:String} AND machine_id = {machine_id:UInt32}
SETTINGS max_threads = 1
