-- name: v_record_history
-- purpose: one row per event and rule, subscription, delivery or signal that it set or removed, as it was left; of subscriptions without where they lead.
CREATE OR REPLACE VIEW v_record_history AS
SELECT database, suite, kind, key, seq, event_id, changed_at, actor,
    if(records.kind = 'subscription', replaceRegexpAll(records.body, '("target"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"', '\\1"…"'), records.body) AS body,
    deleted
FROM records FINAL
