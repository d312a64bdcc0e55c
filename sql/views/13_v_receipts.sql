-- name: v_receipts
-- purpose: one row per event: taken or refused, why, where in the log, what it brought.
CREATE OR REPLACE VIEW v_receipts AS
SELECT
    event_id,
    database,
    suite,
    seq,
    event_type,
    received_at,
    stored_at,
    status,
    code,
    error,
    message,
    field,
    run_id,
    machine_id,
    order_id,
    added_machines,
    added_runs,
    added_tests,
    added_samples,
    topic,
    partition,
    offset,
    actor,
    request_id,
    body_bytes
FROM receipts FINAL
