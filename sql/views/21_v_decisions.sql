-- name: v_decisions
-- purpose: one row per event, repetitions too: where it is in the log and what was answered.
CREATE OR REPLACE VIEW v_decisions AS
SELECT
    database,
    suite,
    seq,
    event_id,
    topic,
    partition,
    offset,
    stored_at,
    body_digest,
    status,
    code,
    error,
    message,
    field,
    duplicate_of,
    run_id,
    load_id,
    machine_id,
    order_id,
    added_machines,
    added_runs,
    added_tests,
    added_samples
FROM ledger FINAL
