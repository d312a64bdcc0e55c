-- name: v_ledger_suites
-- purpose: one row per suite with its schema as JSON, from the ledger alone, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_ledger_suites AS
SELECT database, suite, argMax(suite_schema, seq) AS schema
FROM ledger
WHERE suite_schema != ''
GROUP BY database, suite
