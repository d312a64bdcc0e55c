-- name: v_positions
-- purpose: how far each suite's log is stored (seq) and how far its data reaches (data_seq: the newest event that changed a run).
CREATE OR REPLACE VIEW v_positions AS
SELECT
    database,
    suite,
    max(l.seq) AS seq,
    maxIf(l.seq, run_id > 0 OR notEmpty(deleted_run_id)) AS data_seq
FROM ledger AS l
GROUP BY database, suite
