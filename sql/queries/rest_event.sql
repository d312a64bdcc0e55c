-- name: rest_event
-- purpose: the type and the outcome of the event at a position.
-- params: database String, suite String, seq UInt64
SELECT event_type, status
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String} AND seq = {seq:UInt64}
