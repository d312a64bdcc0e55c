-- name: v_receipts
-- purpose: one row per event: taken or refused, why, where in the log, what it brought.
-- An event id that came before brings no receipt of its own, neither repeated nor with another body: the first one stands.
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
FROM ledger FINAL
WHERE duplicate_of = toUUID('00000000-0000-0000-0000-000000000000')
