-- name: v_ledger_findings
-- purpose: one row per change point a suite ever had, in its newest form, from the ledger alone, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_ledger_findings AS
WITH argMax(cell, seq) AS finding
SELECT
    database,
    suite,
    toUUIDOrZero(JSONExtractString(cell, 'id')) AS finding_id,
    JSONExtract(finding, 'change_id', 'UInt32') AS change_id,
    JSONExtract(finding, 'machine_id', 'UInt32') AS machine_id,
    JSONExtractString(finding, 'metric') AS metric,
    JSONExtract(finding, 'test_id', 'UInt32') AS test_id,
    JSONExtract(finding, 'order_id', 'UInt32') AS order_id,
    JSONExtract(finding, 'previous_order_id', 'UInt32') AS previous_order_id,
    JSONExtractString(finding, 'direction') AS direction,
    JSONExtractString(finding, 'kind') AS kind,
    JSONExtractFloat(finding, 'before') AS before,
    JSONExtractFloat(finding, 'after') AS after,
    JSONExtractFloat(finding, 'spread') AS spread,
    JSONExtractFloat(finding, 'effect') AS effect,
    JSONExtractFloat(finding, 'effect_low') AS effect_low,
    JSONExtractFloat(finding, 'effect_high') AS effect_high,
    JSONExtractString(finding, 'cause') AS cause,
    JSONExtract(finding, 'nth', 'UInt8') AS nth,
    JSONExtractFloat(finding, 'statistic') AS statistic,
    JSONExtractFloat(finding, 'p_value') AS p_value,
    JSONExtractString(finding, 'detector') AS detector,
    JSONExtract(finding, 'version', 'UInt16') AS detector_version,
    JSONExtractRaw(finding, 'params') AS detector_params,
    JSONExtractUInt(finding, 'data_seq') AS data_seq,
    toUInt8(JSONExtractBool(finding, 'active')) AS active,
    toUInt8(JSONExtractBool(finding, 'dismissed')) AS dismissed,
    JSONExtractUInt(finding, 'dismissed_seq') AS dismissed_seq,
    JSONExtractFloat(finding, 'dismissed_effect') AS dismissed_effect,
    JSONExtractString(finding, 'note') AS note,
    toUInt8(JSONExtractBool(finding, 'shadow')) AS shadow
FROM ledger
ARRAY JOIN finding_rows AS cell
GROUP BY database, suite, finding_id
