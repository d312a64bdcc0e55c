-- name: state_ahead
-- purpose: the events of one partition of the log that are stored at or beyond an offset, with what was answered; a repetition answers with the ids of its original.
-- params: topic String, partition UInt32, offset UInt64, limit UInt64
WITH
    -- a row is a stored event
    ahead AS
    (
        SELECT *
        FROM v_decisions
        WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset >= {offset:UInt64}
        ORDER BY offset, database, suite, seq
        LIMIT {limit:UInt64}
    ),
    -- a row is the first answer to an event that another one repeats
    originals AS
    (
        SELECT database, suite, event_id, run_id, machine_id, order_id, machine_name, deleted_runs, regression_id
        FROM v_decisions
        WHERE event_id IN (SELECT duplicate_of FROM ahead WHERE status = 'duplicate')
            AND duplicate_of = toUUID('00000000-0000-0000-0000-000000000000')
    )
SELECT
    a.offset AS offset,
    a.event_id AS event_id,
    a.database AS database,
    a.suite AS suite,
    a.seq AS seq,
    a.stored_at AS stored_at,
    a.status AS status,
    a.code AS code,
    a.error AS error,
    a.message AS message,
    a.field AS field,
    a.duplicate_of AS duplicate_of,
    greatest(a.run_id, o.run_id) AS run_id,
    greatest(a.machine_id, o.machine_id) AS machine_id,
    greatest(a.order_id, o.order_id) AS order_id,
    a.added_machines AS added_machines,
    a.added_runs AS added_runs,
    a.added_tests AS added_tests,
    a.added_samples AS added_samples,
    if(a.machine_name = '', o.machine_name, a.machine_name) AS machine_name,
    if(empty(a.deleted_runs), o.deleted_runs, a.deleted_runs) AS deleted_runs,
    greatest(a.regression_id, o.regression_id) AS regression_id
FROM ahead AS a
LEFT JOIN originals AS o ON o.database = a.database AND o.suite = a.suite AND o.event_id = a.duplicate_of AND a.status = 'duplicate'
ORDER BY a.offset, a.database, a.suite, a.seq
