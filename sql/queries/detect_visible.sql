-- name: detect_visible
-- purpose: whether an event has been stored and, if it brought findings, these can be read.
-- params: event_id UUID
SELECT count() AS stored
FROM v_receipts AS r
LEFT JOIN v_positions AS p ON p.database = r.database AND p.suite = r.suite
WHERE r.event_id = {event_id:UUID}
    AND (r.event_type != 'change.found' OR r.status != 'accepted' OR r.seq <= p.finding_seq)
