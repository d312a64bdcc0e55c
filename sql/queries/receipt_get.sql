-- name: receipt_get
-- purpose: what became of one event.
-- params: database String, suite String, event_id UUID
SELECT
    event_id,
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
FROM v_receipts
WHERE event_id = {event_id:UUID} AND database = {database:String} AND suite = {suite:String}
