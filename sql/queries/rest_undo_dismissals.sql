-- name: rest_undo_dismissals
-- purpose: the change points that people dismissed, or restored, by the event at a position, as they were before.
-- params: database String, suite String, seq UInt64
WITH
-- a row is a version up to the event
versions AS
(
    SELECT change_id, seq, event_type, dismissed, dismissed_seq, dismissed_effect
    FROM v_finding_history
    WHERE database = {database:String} AND suite = {suite:String} AND seq <= {seq:UInt64}
)
SELECT change_id, dismissed, dismissed_effect
FROM versions
WHERE seq < {seq:UInt64}
    AND change_id IN (SELECT change_id FROM versions WHERE seq = {seq:UInt64} AND event_type IN ('change.ignored', 'regression.restored') AND dismissed_seq = {seq:UInt64})
ORDER BY change_id, seq DESC
LIMIT 1 BY change_id
