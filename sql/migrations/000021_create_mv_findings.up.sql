CREATE MATERIALIZED VIEW IF NOT EXISTS mv_findings TO findings AS
SELECT
    database,
    suite,
    toUUIDOrZero(JSONExtractString(finding, 'id')) AS finding_id,
    JSONExtract(finding, 'change_id', 'UInt32') AS change_id,
    seq,
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
    JSONExtractFloat(finding, 'statistic') AS statistic,
    JSONExtractFloat(finding, 'p_value') AS p_value,
    JSONExtractString(finding, 'detector') AS detector,
    JSONExtract(finding, 'version', 'UInt16') AS detector_version,
    JSONExtractRaw(finding, 'params') AS detector_params,
    JSONExtractUInt(finding, 'data_seq') AS data_seq,
    received_at AS found_at,
    JSONExtractBool(finding, 'active') AS active,
    JSONExtractBool(finding, 'dismissed') AS dismissed
FROM ledger_changes
ARRAY JOIN finding_rows AS finding
