-- name: notify_changed
-- purpose: the findings that stand after an event of a stretch of a suite's log changed them.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64
SELECT DISTINCT change_id
FROM v_finding_history
WHERE database = {database:String}
    AND suite = {suite:String}
    AND seq > {from_seq:UInt64}
    AND seq <= {to_seq:UInt64}
    AND active = 1
    AND shadow = 0
    AND change_id > 0
ORDER BY change_id
