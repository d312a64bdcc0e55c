-- name: signal_states
-- purpose: every signal there ever was in any suite, as it was left: open or closed, and by which event.
-- params:
SELECT
    database,
    suite,
    JSONExtract(body, 'machine_id', 'UInt32') AS machine_id,
    JSONExtractString(body, 'signal') AS signal,
    toUInt8(JSONExtractBool(body, 'open')) AS is_open,
    parseDateTime64BestEffortOrZero(JSONExtractString(body, 'since'), 3, 'UTC') AS since,
    JSONExtractFloat(body, 'expected') AS expected,
    JSONExtractString(body, 'unit') AS unit,
    seq
FROM v_records
WHERE kind = 'signal'
ORDER BY database, suite, machine_id, signal
