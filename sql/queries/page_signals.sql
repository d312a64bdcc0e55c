-- name: page_signals
-- purpose: what is missing from a suite's machines now, or from one of them, with ids for names.
-- params: database String, suite String, machine_id UInt32
SELECT
    JSONExtract(body, 'machine_id', 'UInt32') AS machine_id,
    JSONExtractString(body, 'signal') AS signal,
    parseDateTime64BestEffortOrZero(JSONExtractString(body, 'since'), 3, 'UTC') AS since,
    JSONExtractString(body, 'detail') AS detail
FROM v_records
WHERE database = {database:String} AND suite = {suite:String}
    AND kind = 'signal' AND JSONExtractBool(body, 'open')
    AND ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
ORDER BY since, machine_id, signal
SETTINGS max_threads = 1
