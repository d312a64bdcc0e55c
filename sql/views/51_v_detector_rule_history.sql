-- name: v_detector_rule_history
-- purpose: one row per event and rule of a detector that it set or removed, as it was left.
CREATE OR REPLACE VIEW v_detector_rule_history AS
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
    actor,
    deleted
FROM v_record_history
WHERE kind = 'detector_rule'
