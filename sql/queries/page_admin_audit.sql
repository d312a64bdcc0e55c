-- name: page_admin_audit
-- purpose: what was written to all suites, newest first: every event, or all but submissions, by database, type, actor and time; an empty or zero value asks for all. before_ms and the three after it are where the list before ended. At most so many bytes of each body.
-- params: database String, all UInt8, event_type String, actor String, since_ms Int64, until_ms Int64, before_ms Int64, before_database String, before_suite String, before_seq UInt64, most UInt64, limit UInt32
WITH
    -- one row per event that is meant; the wide columns are read for these alone
    meant AS
    (
        SELECT database, suite, seq
        FROM v_ledger
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({before_ms:Int64} = 0 OR (received_at, database, suite, seq)
                < (fromUnixTimestamp64Milli({before_ms:Int64}), {before_database:String}, {before_suite:String}, {before_seq:UInt64}))
            AND ({all:UInt8} = 1 OR event_type NOT IN ('run.submitted', 'submission.refused'))
            AND ({event_type:String} = '' OR event_type = {event_type:String})
            AND ({actor:String} = '' OR positionCaseInsensitiveUTF8(actor, {actor:String}) > 0)
            AND ({since_ms:Int64} = 0 OR received_at >= fromUnixTimestamp64Milli({since_ms:Int64}))
            AND ({until_ms:Int64} = 0 OR received_at < fromUnixTimestamp64Milli({until_ms:Int64}))
        ORDER BY received_at DESC, database DESC, suite DESC, seq DESC
        LIMIT {limit:UInt32}
    ),
    -- one row per event that changed regressions
    changed AS
    (
        SELECT database, suite, seq, groupUniqArray(20)(regression_id) AS regression_ids
        FROM v_regression_history
        WHERE (database, suite, seq) IN (SELECT database, suite, seq FROM meant)
        GROUP BY database, suite, seq
    )
SELECT
    l.database AS database,
    l.suite AS suite,
    l.seq AS seq,
    l.event_id AS event_id,
    l.event_type AS event_type,
    l.received_at AS received_at,
    l.actor AS actor,
    l.request_id AS request_id,
    l.status AS status,
    l.error AS error,
    l.run_id AS run_id,
    l.machine_id AS machine_id,
    m.name AS machine,
    r.regression_ids AS regression_ids,
    l.sent AS sent
FROM
(
    SELECT
        database, suite, seq, event_id, event_type, received_at, actor, request_id, status, error, run_id, machine_id,
        if(event_type IN ('run.submitted', 'submission.refused'), '', substring(body, 1, {most:UInt64})) AS sent
    FROM v_ledger
    WHERE (database, suite, seq) IN (SELECT database, suite, seq FROM meant)
) AS l
LEFT JOIN changed AS r ON r.database = l.database AND r.suite = l.suite AND r.seq = l.seq
LEFT JOIN
(
    SELECT database, suite, machine_id, name
    FROM v_machines
    WHERE (database, suite) IN (SELECT database, suite FROM meant)
) AS m ON m.database = l.database AND m.suite = l.suite AND m.machine_id = l.machine_id
ORDER BY l.received_at DESC, l.database DESC, l.suite DESC, l.seq DESC
