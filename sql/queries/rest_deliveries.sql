-- name: rest_deliveries
-- purpose: what became of the messages of a subscription, newest first, from below a position and id.
-- params: database String, suite String, subscription_id UUID, below_seq UInt64, below_id UUID, max_items UInt64
SELECT id, status, attempt, code, error, change_ids, regression_ids, signals, seq, changed_at
FROM v_deliveries
WHERE database = {database:String} AND suite = {suite:String} AND subscription_id = {subscription_id:UUID}
    AND (seq, id) < ({below_seq:UInt64}, {below_id:UUID})
ORDER BY seq DESC, id DESC
LIMIT {max_items:UInt64}
