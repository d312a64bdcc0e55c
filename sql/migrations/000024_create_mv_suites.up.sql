CREATE MATERIALIZED VIEW IF NOT EXISTS mv_suites TO suites AS
SELECT database, suite, seq, suite_schema AS schema
FROM ledger_changes
WHERE suite_schema != ''
