-- name: notify_decided
-- purpose: what became of an event that was appended after a position; no row while that is not known.
-- params: database String, suite String, after_seq UInt64, event_id UUID
SELECT status
FROM v_receipts
WHERE database = {database:String} AND suite = {suite:String} AND seq > {after_seq:UInt64} AND event_id = {event_id:UUID}
