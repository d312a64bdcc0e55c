CREATE MATERIALIZED VIEW IF NOT EXISTS mv_regressions TO regressions AS
SELECT
    database,
    suite,
    JSONExtract(regression, 'regression_id', 'UInt32') AS regression_id,
    seq,
    JSONExtractString(regression, 'title') AS title,
    JSONExtractString(regression, 'bug') AS bug,
    JSONExtract(regression, 'state', 'UInt8') AS state,
    JSONExtract(regression, 'change_ids', 'Array(UInt32)') AS change_ids,
    JSONExtract(regression, 'added', 'Array(UInt64)') AS added,
    received_at AS changed_at,
    JSONExtractBool(regression, 'deleted') AS deleted,
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
    JSONExtractBool(regression, 'touched') AS touched,
    JSONExtractBool(regression, 'titled') AS titled,
    actor
FROM ledger_changes
ARRAY JOIN regression_rows AS regression
