-- name: notify_newest
-- purpose: per subscription, how far it has heard, and when its newest delivery was first claimed.
-- params: database String, suite String
SELECT subscription_id, max(to_seq) AS to_seq, max(first_at) AS first_at
FROM
(
    SELECT
        key,
        any(toUUIDOrZero(JSONExtractString(body, 'subscription_id'))) AS subscription_id,
        max(JSONExtractUInt(body, 'to_seq')) AS to_seq,
        min(changed_at) AS first_at
    FROM v_record_history
    WHERE kind = 'delivery' AND database = {database:String} AND suite = {suite:String}
    GROUP BY key
)
GROUP BY subscription_id
ORDER BY subscription_id
