-- name: v_deliveries
-- purpose: one row per message to a subscriber, with what became of it so far.
CREATE OR REPLACE VIEW v_deliveries AS
SELECT
    database,
    suite,
    toUUIDOrZero(JSONExtractString(body, 'id')) AS id,
    toUUIDOrZero(JSONExtractString(body, 'subscription_id')) AS subscription_id,
    JSONExtractString(body, 'status') AS status,
    JSONExtract(body, 'attempt', 'UInt16') AS attempt,
    JSONExtract(body, 'code', 'UInt16') AS code,
    JSONExtractString(body, 'error') AS error,
    JSONExtract(body, 'retry_after_s', 'UInt32') AS retry_after_s,
    JSONExtractUInt(body, 'to_seq') AS to_seq,
    JSONExtract(body, 'change_ids', 'Array(UInt32)') AS change_ids,
    JSONExtract(body, 'regression_ids', 'Array(UInt32)') AS regression_ids,
    JSONExtract(body, 'signals', 'Array(String)') AS signals,
    seq,
    event_id,
    changed_at,
    actor
FROM v_records
WHERE kind = 'delivery'
