-- name: v_job_runs
-- purpose: one row per job, suite and slot: when it ran, how long it took, what it saw and brought.
CREATE OR REPLACE VIEW v_job_runs AS
SELECT job, database, suite, slot_at, started_at, took_ms, from_seq, to_seq, rows, missed_slots, error
FROM job_runs FINAL
