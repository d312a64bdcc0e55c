-- name: replay_events
-- purpose: the events of one suite between two positions, both of them included, as they came and where they were kept.
-- params: database String, suite String, first UInt64, last UInt64
SELECT
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
FROM v_raw_ledger
WHERE database = {database:String} AND suite = {suite:String} AND seq BETWEEN {first:UInt64} AND {last:UInt64}
ORDER BY seq
