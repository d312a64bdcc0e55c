-- name: v_records
-- purpose: one row per rule, subscription, delivery or signal that was not removed, as it was left; of subscriptions without where they lead.
CREATE OR REPLACE VIEW v_records AS
SELECT
    database,
    suite,
    kind,
    key,
    max(records.seq) AS seq,
    min(records.seq) AS first_seq,
    argMax(records.event_id, records.seq) AS event_id,
    argMax(records.changed_at, records.seq) AS changed_at,
    argMax(records.actor, records.seq) AS actor,
    if(kind = 'subscription', replaceRegexpAll(argMax(records.body, records.seq), '("target"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"', '\\1"…"'), argMax(records.body, records.seq)) AS body
FROM records
GROUP BY database, suite, kind, key
HAVING argMax(records.deleted, records.seq) = 0
