CREATE MATERIALIZED VIEW IF NOT EXISTS mv_superseded TO superseded AS
SELECT database, suite, gone AS load_id, seq
FROM ledger_changes
ARRAY JOIN superseded_load_id AS gone
