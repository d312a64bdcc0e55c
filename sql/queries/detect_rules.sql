-- name: detect_rules
-- purpose: the rules of detectors of all suites, in the order in which they were set, also those that were removed: the position of a suite's last change is that of its last row.
-- params:
SELECT
    database,
    suite,
    JSONExtractString(body, 'detector') AS detector,
    JSONExtractString(body, 'mode') AS mode,
    JSONExtractString(body, 'machine') AS machine,
    JSONExtractString(body, 'test') AS test,
    JSONExtractString(body, 'metric') AS metric,
    JSONExtractString(body, 'preset') AS preset,
    JSONExtract(body, 'params', 'Map(String, String)') AS params,
    deleted AS removed,
    seq
FROM
(
    SELECT database, suite, key, seq, body, deleted
    FROM v_record_history
    WHERE kind = 'detector_rule'
    ORDER BY seq DESC
    LIMIT 1 BY database, suite, key
)
ORDER BY database, suite, seq, key
