-- name: receipt_get
-- purpose: what became of one event, once everything it brought can be read.
-- params: database String, suite String, event_id UUID
-- The ledger has an event a moment before the tables behind it do. Inserts of a suite come one after the other, so only its
-- newest event can be on its way; each table's part of it is whole or not there, so one row of each part tells.
WITH
    receipt AS
    (
        SELECT *
        FROM v_receipts
        WHERE event_id = {event_id:UUID} AND database = {database:String} AND suite = {suite:String}
    ),
    -- a row is one value of the event's run
    sample AS
    (
        SELECT machine_id, metric, test_id, order_id, load_id
        FROM v_run_samples
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN (SELECT seq FROM receipt)
        LIMIT 1
    ),
    text AS
    (
        SELECT machine_id, metric, test_id, order_id, load_id
        FROM v_run_texts
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN (SELECT seq FROM receipt)
        LIMIT 1
    ),
    (
        SELECT count()
        FROM v_samples
        WHERE database = {database:String} AND suite = {suite:String}
            AND (machine_id, metric, test_id, order_id, load_id) IN (SELECT * FROM sample)
    ) >= (SELECT count() FROM sample) AS samples_are_there,
    (
        SELECT count()
        FROM v_sample_texts
        WHERE database = {database:String} AND suite = {suite:String}
            AND (machine_id, metric, test_id, order_id, load_id) IN (SELECT * FROM text)
    ) >= (SELECT count() FROM text) AS texts_are_there
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
FROM receipt AS r
INNER JOIN v_positions AS p ON p.database = r.database AND p.suite = r.suite
WHERE r.run_id = 0
    OR r.seq < p.seq
    OR (r.seq <= p.data_seq AND samples_are_there AND texts_are_there)
