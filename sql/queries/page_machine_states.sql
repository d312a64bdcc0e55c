-- name: page_machine_states
-- purpose: every machine there ever was, for names and for telling whose runs and findings count for which: those that were merged, and those that are gone. An empty database means all of them, an empty suite all of a database.
-- params: database String, suite String
SELECT database, suite, machine_id, name AS machine, deleted, merged_into
FROM v_machine_states
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
ORDER BY database, suite, machine_id
SETTINGS max_threads = 1
