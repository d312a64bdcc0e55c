-- name: page_signals
-- purpose: what is missing from a suite's machines now, or from one of them.
-- params: database String, suite String, machine_id UInt32
SELECT machine_id, machine, signal, since, expected, seen, unit, detail
FROM v_signals
WHERE database = {database:String} AND suite = {suite:String}
    AND ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
ORDER BY since, machine, signal
SETTINGS max_threads = 1
