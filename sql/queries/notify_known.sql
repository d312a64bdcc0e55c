-- name: notify_known
-- purpose: which of some deliveries were claimed.
-- params: database String, suite String, ids Array(String)
SELECT toUUID(key) AS id
FROM v_records
WHERE kind = 'delivery' AND database = {database:String} AND suite = {suite:String} AND key IN {ids:Array(String)}
ORDER BY id
