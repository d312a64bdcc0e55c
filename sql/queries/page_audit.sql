-- name: page_audit
-- purpose: what was written to a suite, newest first: every event, or all but submissions, by type, actor and time; an empty or zero value asks for all. At most so many bytes of each body.
-- params: database String, suite String, all UInt8, event_type String, actor String, since_ms Int64, until_ms Int64, before UInt64, most UInt64, limit UInt32
WITH
    -- one row per event that is meant; the wide columns are read for these alone
    meant AS
    (
        SELECT seq
        FROM v_ledger
        WHERE database = {database:String} AND suite = {suite:String}
            AND ({before:UInt64} = 0 OR seq < {before:UInt64})
            AND ({all:UInt8} = 1 OR event_type NOT IN ('run.submitted', 'submission.refused'))
            AND ({event_type:String} = '' OR event_type = {event_type:String})
            AND ({actor:String} = '' OR positionCaseInsensitiveUTF8(actor, {actor:String}) > 0)
            AND ({since_ms:Int64} = 0 OR received_at >= fromUnixTimestamp64Milli({since_ms:Int64}))
            AND ({until_ms:Int64} = 0 OR received_at < fromUnixTimestamp64Milli({until_ms:Int64}))
        ORDER BY seq DESC
        LIMIT {limit:UInt32}
    ),
    -- one row per event that changed regressions
    changed AS
    (
        SELECT seq, groupUniqArray(20)(regression_id) AS regression_ids
        FROM v_regression_history
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN (SELECT seq FROM meant)
        GROUP BY seq
    )
SELECT
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
        seq, event_id, event_type, received_at, actor, request_id, status, error, run_id, machine_id,
        if(event_type IN ('run.submitted', 'submission.refused'), '', substring(body, 1, {most:UInt64})) AS sent
    FROM v_ledger
    WHERE database = {database:String} AND suite = {suite:String} AND seq IN (SELECT seq FROM meant)
) AS l
LEFT JOIN changed AS r ON r.seq = l.seq
LEFT JOIN
(
    SELECT machine_id, name
    FROM v_machines
    WHERE database = {database:String} AND suite = {suite:String}
) AS m ON m.machine_id = l.machine_id
ORDER BY l.seq DESC
