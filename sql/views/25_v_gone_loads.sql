-- name: v_gone_loads
-- purpose: one row per generation of a run that no longer counts, with the position of the event that took it away; filter by database and suite.
CREATE OR REPLACE VIEW v_gone_loads AS
SELECT database, suite, seq, load_id
FROM ledger FINAL
ARRAY JOIN superseded_load_id AS load_id
