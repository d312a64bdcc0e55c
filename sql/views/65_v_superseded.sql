-- name: v_superseded
-- purpose: one row per generation of a run that no longer counts, with the position of the event that took it away; few rows, and an index read by database and suite.
CREATE OR REPLACE VIEW v_superseded AS
SELECT database, suite, load_id, seq
FROM superseded FINAL
