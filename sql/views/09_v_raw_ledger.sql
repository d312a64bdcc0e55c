-- name: v_raw_ledger
-- purpose: v_ledger with the bodies as they came, for the product alone: they may say where subscriptions lead.
-- readers: no
CREATE OR REPLACE VIEW v_raw_ledger AS
SELECT
    database,
    suite,
    seq,
    event_id,
    event_type,
    event_version,
    topic,
    partition,
    offset,
    received_at,
    stored_at,
    actor,
    request_id,
    content_type,
    params,
    body
FROM ledger FINAL
