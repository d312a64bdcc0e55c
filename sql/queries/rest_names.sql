-- name: rest_names
-- purpose: the numbers of regressions and of change points by their uuids or numbers; kind is regression or change.
-- params: database String, suite String, uuids Array(UUID), numbers Array(UInt32)
SELECT 'regression' AS kind, regression_id AS number, uuid
FROM v_regressions
WHERE database = {database:String} AND suite = {suite:String}
    AND (uuid IN {uuids:Array(UUID)} OR regression_id IN {numbers:Array(UInt32)})
UNION ALL
SELECT 'change' AS kind, change_id AS number, finding_id AS uuid
FROM v_finding_states
WHERE database = {database:String} AND suite = {suite:String}
    AND (finding_id IN {uuids:Array(UUID)} OR change_id IN {numbers:Array(UInt32)})
ORDER BY kind, number
