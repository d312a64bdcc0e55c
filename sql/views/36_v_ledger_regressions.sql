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
    toUInt8(JSONExtractBool(regression, 'deleted')) AS deleted
FROM ledger
ARRAY JOIN regression_rows AS cell
GROUP BY database, suite, regression_id
