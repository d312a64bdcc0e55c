-- name: v_record_history
-- purpose: one row per event and rule, subscription, delivery or signal that it set or removed, as it was left.
CREATE OR REPLACE VIEW v_record_history AS
SELECT database, suite, kind, key, seq, event_id, changed_at, actor, body, deleted
FROM records FINAL
