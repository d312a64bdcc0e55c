-- name: v_regression_history
-- purpose: one row per event and regression that it changed, as it was left; filter by database and suite. Those as of a position are the newest up to it.
CREATE OR REPLACE VIEW v_regression_history AS
SELECT
    database,
    suite,
    JSONExtract(regression, 'regression_id', 'UInt32') AS regression_id,
    seq,
    event_id,
    event_type,
    received_at AS at,
    actor,
    JSONExtractString(regression, 'title') AS title,
    JSONExtractString(regression, 'bug') AS bug,
    JSONExtract(regression, 'state', 'UInt8') AS state,
    JSONExtract(regression, 'change_ids', 'Array(UInt32)') AS change_ids,
    JSONExtract(regression, 'added', 'Array(UInt64)') AS added,
    toUInt8(JSONExtractBool(regression, 'deleted')) AS deleted,
    toUUIDOrZero(JSONExtractString(regression, 'uuid')) AS uuid,
    JSONExtractUInt(regression, 'opened_seq') AS opened_seq,
    JSONExtractString(regression, 'detector') AS detector,
    JSONExtractString(regression, 'kind') AS kind,
    JSONExtractString(regression, 'cause') AS cause,
    JSONExtractString(regression, 'owner') AS owner,
    JSONExtract(regression, 'tags', 'Array(String)') AS tags,
    JSONExtractString(regression, 'note') AS note,
    JSONExtract(regression, 'start_order_id', 'UInt32') AS start_order_id,
    JSONExtract(regression, 'end_order_id', 'UInt32') AS end_order_id,
    JSONExtract(regression, 'merged_into', 'UInt32') AS merged_into,
    toUInt8(JSONExtractBool(regression, 'touched')) AS touched,
    toUInt8(JSONExtractBool(regression, 'titled')) AS titled,
    toUInt8(JSONExtractBool(regression, 'recovered')) AS recovered,
    JSONExtract(regression, 'former_state', 'UInt8') AS former_state
FROM ledger FINAL
ARRAY JOIN regression_rows AS regression
