-- name: detect_machines
-- purpose: the machines of a suite, oldest first.
-- params: database String, suite String
SELECT machine_id
FROM v_machines
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY machine_id
