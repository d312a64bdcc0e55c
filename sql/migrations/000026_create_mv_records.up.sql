CREATE MATERIALIZED VIEW IF NOT EXISTS mv_records TO records AS
SELECT
    database,
    suite,
    JSONExtractString(record, 'kind') AS kind,
    JSONExtractString(record, 'key') AS key,
    seq,
    event_id,
    received_at AS changed_at,
    actor,
    JSONExtractRaw(record, 'body') AS body,
    JSONExtractBool(record, 'deleted') AS deleted
FROM ledger_changes
ARRAY JOIN record_rows AS record
