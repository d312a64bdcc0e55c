-- name: page_rule_history
-- purpose: what was said about a suite's detectors, newest first; stands says whether a rule is still so.
-- params: database String, suite String, limit UInt32
WITH
    -- one row per rule as it is now
    standing AS (
        SELECT rule_key, seq
        FROM v_detector_rules
        WHERE database = {database:String} AND suite = {suite:String}
    )
SELECT
    detector,
    mode,
    machine,
    test,
    metric,
    preset,
    params,
    reason,
    seq,
    changed_at,
    actor,
    deleted,
    toUInt8((rule_key, seq) IN (SELECT rule_key, seq FROM standing)) AS stands
FROM v_detector_rule_history
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY seq DESC, rule_key
LIMIT {limit:UInt32}
