-- name: baselines
-- purpose: the baselines of a suite by name; an empty list of names lets all pass.
-- params: database String, suite String, names Array(String)
SELECT name, order_id, order_name, comment, seq, changed_at, actor
FROM v_baselines
WHERE database = {database:String} AND suite = {suite:String} AND (empty({names:Array(String)}) OR name IN {names:Array(String)})
ORDER BY name
