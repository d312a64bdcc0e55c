-- name: page_suite_machines
-- purpose: every machine that a suite ever had; one that was merged has no name of its own any more but the machine whose runs its runs are now.
-- params: database String, suite String
SELECT machine_id, name AS machine, deleted, merged_into
FROM v_machine_states
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY machine, machine_id
SETTINGS max_threads = 1
