-- name: page_machine_moves
-- purpose: how many findings of each kind stand on each machine of a suite, by the machine that they were found on; the reader leaves out those of machines that are gone.
-- params: database String, suite String
SELECT
    machine_id AS own_machine_id,
    countIf(kind = 'regression') AS regression_count,
    countIf(kind = 'improvement') AS improvement_count
FROM v_finding_states
WHERE database = {database:String} AND suite = {suite:String}
    AND active = 1 AND dismissed = 0 AND shadow = 0
GROUP BY own_machine_id
ORDER BY own_machine_id
SETTINGS max_threads = 1
