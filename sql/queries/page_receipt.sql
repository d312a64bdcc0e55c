-- name: page_receipt
-- purpose: what became of one event of a suite, with its machine and its order by name; no row while it is not decided.
-- params: database String, suite String, event_id UUID
SELECT
    r.event_id AS event_id,
    r.seq AS seq,
    r.event_type AS event_type,
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
    r.added_machines AS added_machines,
    r.added_runs AS added_runs,
    r.added_tests AS added_tests,
    r.added_samples AS added_samples,
    r.topic AS topic,
    r.partition AS partition,
    r.offset AS offset,
    r.actor AS actor,
    r.request_id AS request_id,
    r.body_bytes AS body_bytes
FROM
(
    SELECT *
    FROM v_receipts
    WHERE event_id = {event_id:UUID} AND database = {database:String} AND suite = {suite:String}
    LIMIT 1
) AS r
LEFT JOIN v_machines AS m ON m.database = r.database AND m.suite = r.suite AND m.machine_id = r.machine_id
LEFT JOIN v_orders AS o ON o.database = r.database AND o.suite = r.suite AND o.order_id = r.order_id
