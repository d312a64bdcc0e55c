-- question: Who changed what lately?
SELECT seq, received_at, actor, event_type, status
FROM v_receipts
WHERE database = {database:String} AND suite = {suite:String} AND event_type != 'run.submitted'
ORDER BY seq DESC
LIMIT 50
