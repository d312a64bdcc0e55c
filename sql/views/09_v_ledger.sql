-- name: v_ledger
-- purpose: one row per event as it came and as it was decided, without what it decided in detail; of subscriptions without where they lead.
CREATE OR REPLACE VIEW v_ledger AS
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
    multiIf(
        ledger.event_type != 'subscription.set', ledger.body,
        ledger.status = 'accepted', replaceRegexpAll(ledger.body, '("target"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"', '\\1"…"'),
        ''
    ) AS body,
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
    toUInt64(length(sample_value) + length(text_value)) AS value_count
FROM ledger FINAL
