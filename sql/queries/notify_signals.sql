-- name: notify_signals
-- purpose: signals that began or ended in a stretch of a suite's log, by position.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64
SELECT
    r.seq AS seq,
    r.changed_at AS changed_at,
    m.name AS machine,
    JSONExtract(r.body, 'machine_id', 'UInt32') AS machine_id,
    JSONExtractString(r.body, 'signal') AS signal,
    toUInt8(JSONExtractBool(r.body, 'open')) AS open,
    JSONExtractString(r.body, 'since') AS since,
    JSONExtractFloat(r.body, 'expected') AS expected,
    JSONExtractFloat(r.body, 'seen') AS seen,
    JSONExtractString(r.body, 'unit') AS unit,
    JSONExtractString(r.body, 'detail') AS detail
FROM v_record_history AS r
LEFT JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = JSONExtract(r.body, 'machine_id', 'UInt32')
WHERE r.kind = 'signal'
    AND r.database = {database:String}
    AND r.suite = {suite:String}
    AND r.seq > {from_seq:UInt64}
    AND r.seq <= {to_seq:UInt64}
    AND r.deleted = 0
ORDER BY seq, machine_id, signal
