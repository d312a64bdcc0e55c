-- name: page_receipt_sent
-- purpose: what was sent for the event at a position: its media type, its parameters and at most so many bytes of its body.
-- params: database String, suite String, seq UInt64, most UInt64
SELECT content_type, params, substring(body, 1, {most:UInt64}) AS sent
FROM v_raw_ledger
WHERE database = {database:String} AND suite = {suite:String} AND seq = {seq:UInt64}
