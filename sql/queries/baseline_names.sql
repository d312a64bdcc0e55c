-- name: baseline_names
-- purpose: the names of a suite's baselines.
-- params: database String, suite String
SELECT key AS name
FROM v_records
WHERE database = {database:String} AND suite = {suite:String} AND kind = 'baseline'
ORDER BY name
