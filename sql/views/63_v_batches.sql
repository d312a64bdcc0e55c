-- name: v_batches
-- purpose: one row per batch that a projector stored: how much it held, how many of its events were refused, how long the oldest of them had waited since it was received; filter by stored_at.
CREATE OR REPLACE VIEW v_batches AS
SELECT
    topic,
    partition,
    stored_at,
    count() AS events,
    sum(body_bytes) AS bytes,
    sum(greatest(added_samples, 0)) AS samples,
    countIf(status = 'rejected') AS refused,
    min(received_at) AS oldest_received_at,
    dateDiff('millisecond', min(received_at), stored_at) AS longest_wait_ms,
    max(offset) AS last_offset
FROM v_receipts
GROUP BY topic, partition, stored_at
