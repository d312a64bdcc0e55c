-- name: v_signals
-- purpose: one row per machine and signal that is missing now.
CREATE OR REPLACE VIEW v_signals AS
SELECT
    r.database AS database,
    r.suite AS suite,
    JSONExtract(r.body, 'machine_id', 'UInt32') AS machine_id,
    m.name AS machine,
    JSONExtractString(r.body, 'signal') AS signal,
    parseDateTime64BestEffortOrZero(JSONExtractString(r.body, 'since'), 3, 'UTC') AS since,
    JSONExtractFloat(r.body, 'expected') AS expected,
    JSONExtractFloat(r.body, 'seen') AS seen,
    JSONExtractString(r.body, 'unit') AS unit,
    JSONExtractString(r.body, 'detail') AS detail,
    r.seq AS seq,
    r.event_id AS event_id,
    r.changed_at AS changed_at,
    r.actor AS actor
FROM v_records AS r
INNER JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = JSONExtract(r.body, 'machine_id', 'UInt32')
WHERE r.kind = 'signal' AND JSONExtractBool(r.body, 'open')
