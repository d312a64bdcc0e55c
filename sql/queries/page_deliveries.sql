-- name: page_deliveries
-- purpose: the newest messages to a suite's subscribers, with what became of them.
-- params: database String, suite String, limit UInt32
SELECT
    id,
    subscription_id,
    status,
    attempt,
    code,
    error,
    change_ids,
    regression_ids,
    signals,
    changed_at
FROM v_deliveries
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY changed_at DESC, id
LIMIT {limit:UInt32}
