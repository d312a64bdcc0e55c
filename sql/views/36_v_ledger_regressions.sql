-- name: v_ledger_regressions
-- purpose: one row per regression a suite ever had, as the newest event of the ledger left it, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_ledger_regressions AS
WITH argMax(cell, seq) AS regression
SELECT
    database,
    suite,
    JSONExtract(cell, 'regression_id', 'UInt32') AS regression_id,
    JSONExtractString(regression, 'title') AS title,
    JSONExtractString(regression, 'bug') AS bug,
    JSONExtract(regression, 'state', 'UInt8') AS state,
    JSONExtract(regression, 'change_ids', 'Array(UInt32)') AS change_ids,
    JSONExtract(regression, 'added', 'Array(UInt64)') AS added,
    toUInt8(JSONExtractBool(regression, 'deleted')) AS deleted,
    max(seq) AS last_seq,
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
FROM ledger
ARRAY JOIN regression_rows AS cell
GROUP BY database, suite, regression_id
