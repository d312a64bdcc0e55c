-- name: signal_history
-- purpose: when signals opened and closed, newest first, from a position on downwards; no machines and an empty signal stand for all.
-- params: database String, suite String, machine_ids Array(UInt32), signal String, below_seq UInt64, below_machine UInt64, max_items UInt64
WITH
-- a signal as an event left it
changes AS
(
    SELECT
        JSONExtract(body, 'machine_id', 'UInt32') AS machine_id,
        JSONExtractString(body, 'signal') AS signal,
        JSONExtractBool(body, 'open') AS is_open,
        parseDateTime64BestEffortOrZero(JSONExtractString(body, 'since'), 3, 'UTC') AS since,
        JSONExtractFloat(body, 'expected') AS expected,
        JSONExtractFloat(body, 'seen') AS seen,
        JSONExtractString(body, 'unit') AS unit,
        JSONExtractString(body, 'detail') AS detail,
        seq,
        changed_at
    FROM v_record_history
    WHERE database = {database:String} AND suite = {suite:String} AND kind = 'signal'
)
SELECT
    c.machine_id AS machine_id,
    m.name AS machine,
    c.signal AS signal,
    c.is_open AS is_open,
    c.since AS since,
    c.expected AS expected,
    c.seen AS seen,
    c.unit AS unit,
    c.detail AS detail,
    c.seq AS seq,
    c.changed_at AS changed_at
FROM changes AS c
LEFT JOIN
(
    SELECT machine_id, name
    FROM v_machine_states
    WHERE database = {database:String} AND suite = {suite:String}
) AS m ON m.machine_id = c.machine_id
WHERE (empty({machine_ids:Array(UInt32)}) OR has({machine_ids:Array(UInt32)}, c.machine_id))
    AND ({signal:String} = '' OR c.signal = {signal:String})
    AND (c.seq, toUInt64(c.machine_id) * 2 + (c.signal = 'silence')) < ({below_seq:UInt64}, {below_machine:UInt64})
ORDER BY seq DESC, toUInt64(machine_id) * 2 + (signal = 'silence') DESC
LIMIT {max_items:UInt64}
