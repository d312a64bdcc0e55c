-- name: state_stored_since
-- purpose: place in the log and number of values of every event stored since an instant.
-- params: since DateTime64(3)
SELECT topic, partition, offset, value_count AS values
FROM v_ledger
WHERE stored_at >= {since:DateTime64(3)}
ORDER BY topic, partition, offset
