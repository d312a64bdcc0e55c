-- name: v_detector_rules
-- purpose: one row per rule of a detector as it is now; of those that match a series the one with the largest seq counts, apart from those whose mode is shadow.
CREATE OR REPLACE VIEW v_detector_rules AS
SELECT
    database,
    suite,
    key AS rule_key,
    JSONExtractString(body, 'detector') AS detector,
    JSONExtractString(body, 'mode') AS mode,
    JSONExtractString(body, 'machine') AS machine,
    JSONExtractString(body, 'test') AS test,
    JSONExtractString(body, 'metric') AS metric,
    JSONExtractString(body, 'preset') AS preset,
    JSONExtract(body, 'params', 'Map(String, String)') AS params,
    toUUIDOrZero(JSONExtractString(body, 'backtest')) AS backtest,
    JSONExtractString(body, 'reason') AS reason,
    seq,
    event_id,
    changed_at,
    actor
FROM v_records
WHERE kind = 'detector_rule'
