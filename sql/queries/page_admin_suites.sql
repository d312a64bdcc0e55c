-- name: page_admin_suites
-- purpose: how far each suite's log is, and how long its newest event took from being received to being stored.
-- params:
SELECT
    database,
    suite,
    max(seq) AS events,
    countIf(status = 'rejected') AS refused,
    max(received_at) AS last_received_at,
    toInt64(greatest(0, dateDiff('millisecond', argMax(received_at, seq), argMax(stored_at, seq)))) AS last_wait_ms
FROM v_receipts
GROUP BY database, suite
ORDER BY database, suite
