-- name: v_raw_subscriptions
-- purpose: v_subscriptions with where they lead, for the product alone: an address may hold a secret.
-- readers: no
CREATE OR REPLACE VIEW v_raw_subscriptions AS
SELECT
    database,
    suite,
    toUUIDOrZero(JSONExtractString(body, 'id')) AS id,
    JSONExtractString(body, 'name') AS name,
    JSONExtractString(body, 'channel') AS channel,
    JSONExtractString(body, 'target') AS target,
    JSONExtractString(body, 'machine') AS machine,
    JSONExtractString(body, 'test') AS test,
    JSONExtractString(body, 'metric') AS metric,
    JSONExtract(body, 'kinds', 'Array(String)') AS kinds,
    JSONExtract(body, 'on', 'Array(String)') AS on,
    JSONExtractFloat(body, 'min_effect') AS min_effect,
    JSONExtractString(body, 'every') AS every,
    seq,
    first_seq,
    event_id,
    changed_at,
    actor
FROM
(
    -- one row per subscription that was not removed
    SELECT
        database,
        suite,
        key,
        max(records.seq) AS seq,
        min(records.seq) AS first_seq,
        argMax(records.event_id, records.seq) AS event_id,
        argMax(records.changed_at, records.seq) AS changed_at,
        argMax(records.actor, records.seq) AS actor,
        argMax(records.body, records.seq) AS body
    FROM records
    WHERE kind = 'subscription'
    GROUP BY database, suite, key
    HAVING argMax(records.deleted, records.seq) = 0
)
