-- name: page_machine_names
-- purpose: the machines of a suite, for lists to choose from.
-- params: database String, suite String
SELECT machine_id, name AS machine
FROM v_machines
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY machine, machine_id
SETTINGS max_threads = 1
