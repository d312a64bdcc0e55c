-- name: notify_memberships
-- purpose: at which position some findings first were in a regression, of those that were in one up to a position.
-- params: database String, suite String, to_seq UInt64, changes Array(UInt32)
SELECT change_id, min(seq) AS first_seq
FROM v_regression_history
ARRAY JOIN change_ids AS change_id
WHERE database = {database:String}
    AND suite = {suite:String}
    AND seq <= {to_seq:UInt64}
    AND has({changes:Array(UInt32)}, change_id)
GROUP BY change_id
ORDER BY change_id
