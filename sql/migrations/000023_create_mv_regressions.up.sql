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
    JSONExtractBool(regression, 'deleted') AS deleted
FROM ledger_changes
ARRAY JOIN regression_rows AS regression
