-- name: v_ledger_records
-- purpose: one row per rule, subscription, delivery or signal a suite ever had, as the newest event of the ledger left it, from the ledger alone, as v_ledger_machines; filter by database and suite.
-- readers: no
CREATE OR REPLACE VIEW v_ledger_records AS
WITH argMax(cell, seq) AS record
SELECT
    database,
    suite,
    JSONExtractString(cell, 'kind') AS kind,
    JSONExtractString(cell, 'key') AS key,
    max(seq) AS last_seq,
    JSONExtractRaw(record, 'body') AS body,
    toUInt8(JSONExtractBool(record, 'deleted')) AS deleted
FROM ledger
ARRAY JOIN record_rows AS cell
GROUP BY database, suite, kind, key
