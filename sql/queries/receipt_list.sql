-- name: receipt_list
-- purpose: what became of the events of a suite, newest first, from below a position; duplicates included.
-- params: database String, suite String, status String, below_seq UInt64, max_items UInt64
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
    duplicate_of,
    run_id,
    machine_id,
    order_id,
    topic,
    partition,
    offset,
    actor,
    request_id
FROM v_ledger
WHERE database = {database:String}
  AND suite = {suite:String}
  AND seq < {below_seq:UInt64}
  AND ({status:String} = '' OR status = {status:String})
ORDER BY seq DESC
LIMIT {max_items:UInt64}
