-- name: v_subscriptions
-- purpose: one row per subscription: who is told what, and how. Empty patterns stand for all.
CREATE OR REPLACE VIEW v_subscriptions AS
SELECT
    database,
    suite,
    toUUIDOrZero(JSONExtractString(body, 'id')) AS id,
    JSONExtractString(body, 'name') AS name,
    JSONExtractString(body, 'channel') AS channel,
    JSONExtractString(body, 'target') AS target,
    JSONExtractString(body, 'machine') AS machine,
    JSONExtractString(body, 'test') AS test,
    JSONExtractString(body, 'metric') AS metric,
    JSONExtract(body, 'kinds', 'Array(String)') AS kinds,
    JSONExtract(body, 'on', 'Array(String)') AS on,
    JSONExtractFloat(body, 'min_effect') AS min_effect,
    JSONExtractString(body, 'every') AS every,
    seq,
    first_seq,
    event_id,
    changed_at,
    actor
FROM v_records
WHERE kind = 'subscription'
