-- name: page_receipts
-- purpose: the newest submissions of a suite with their outcome, as far as asked for: an empty or zero value asks for all. A machine is known of those that were taken.
-- params: database String, suite String, status String, actor String, machine String, since_ms Int64, until_ms Int64, before UInt64, limit UInt32
SELECT
    r.event_id AS event_id,
    r.seq AS seq,
    r.received_at AS received_at,
    r.stored_at AS stored_at,
    r.status AS status,
    r.code AS code,
    r.error AS error,
    r.message AS message,
    r.field AS field,
    r.run_id AS run_id,
    r.machine_id AS machine_id,
    r.order_id AS order_id,
    m.name AS machine,
    o.name AS order_name,
    r.added_samples AS added_samples,
    r.topic AS topic,
    r.partition AS partition,
    r.offset AS offset,
    r.actor AS actor,
    r.body_bytes AS body_bytes
FROM
(
    SELECT *
    FROM v_receipts
    WHERE database = {database:String} AND suite = {suite:String}
        AND event_type IN ('run.submitted', 'submission.refused')
        AND ({status:String} = '' OR status = {status:String})
        AND ({before:UInt64} = 0 OR seq < {before:UInt64})
        AND ({actor:String} = '' OR positionCaseInsensitiveUTF8(actor, {actor:String}) > 0)
        AND ({since_ms:Int64} = 0 OR received_at >= fromUnixTimestamp64Milli({since_ms:Int64}))
        AND ({until_ms:Int64} = 0 OR received_at < fromUnixTimestamp64Milli({until_ms:Int64}))
        AND ({machine:String} = '' OR machine_id IN (
            SELECT machine_id
            FROM v_machines
            WHERE database = {database:String} AND suite = {suite:String} AND positionCaseInsensitiveUTF8(name, {machine:String}) > 0
        ))
    ORDER BY seq DESC
    LIMIT {limit:UInt32}
) AS r
LEFT JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
LEFT JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
ORDER BY r.seq DESC
