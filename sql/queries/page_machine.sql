-- name: page_machine
-- purpose: one machine with its attributes, and those that were merged into it.
-- params: database String, suite String, machine_id UInt32
SELECT database, suite, machine_id, name AS machine, fields, params, deleted, merged_into
FROM v_machine_states
WHERE database = {database:String} AND suite = {suite:String}
    AND (machine_id = {machine_id:UInt32} OR merged_into = {machine_id:UInt32})
ORDER BY machine_id
SETTINGS max_threads = 1
