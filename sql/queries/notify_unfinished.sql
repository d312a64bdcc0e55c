-- name: notify_unfinished
-- purpose: deliveries that are under way, and those that failed and may be tried again, the oldest first.
-- params: database String, suite String, attempts UInt16
-- A receiver that says that the message is at fault (4xx; of mail 5yz) will say so again; channel.go has the same rule.
SELECT
    d.id AS id,
    d.subscription_id AS subscription_id,
    d.status AS status,
    d.attempt AS attempt,
    d.code AS code,
    d.retry_after_s AS retry_after_s,
    d.from_seq AS from_seq,
    d.to_seq AS to_seq,
    d.changed_at AS changed_at
FROM
(
    SELECT
        database,
        suite,
        seq,
        changed_at,
        toUUIDOrZero(key) AS id,
        toUUIDOrZero(JSONExtractString(body, 'subscription_id')) AS subscription_id,
        JSONExtractString(body, 'status') AS status,
        JSONExtract(body, 'attempt', 'UInt16') AS attempt,
        JSONExtract(body, 'code', 'UInt16') AS code,
        JSONExtract(body, 'retry_after_s', 'UInt32') AS retry_after_s,
        JSONExtractUInt(body, 'to_seq') AS to_seq,
        -- how far the subscription had heard before
        lagInFrame(to_seq) OVER (
            PARTITION BY subscription_id ORDER BY to_seq, seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS from_seq
    FROM v_records
    WHERE kind = 'delivery' AND database = {database:String} AND suite = {suite:String}
) AS d
INNER JOIN v_subscriptions AS s ON s.database = d.database AND s.suite = d.suite AND s.id = d.subscription_id
WHERE d.status = 'started'
    OR (
        d.status = 'failed'
        AND d.attempt < {attempts:UInt16}
        AND if(s.channel = 'email', d.code < 500, d.code = 0 OR d.code IN (408, 429) OR d.code >= 500)
    )
ORDER BY d.to_seq, d.seq
