-- question: Which submissions were refused, and why?
SELECT received_at, actor, event_type, code, field, error
FROM v_receipts
WHERE database = {database:String} AND suite = {suite:String} AND status = 'rejected'
ORDER BY seq DESC
LIMIT 50
