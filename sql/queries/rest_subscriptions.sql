-- name: rest_subscriptions
-- purpose: who is told what; an empty list of ids lets all pass.
-- params: database String, suite String, ids Array(UUID)
SELECT id, name, channel, target, machine, test, metric, kinds, on, min_effect, every, seq, changed_at, actor
FROM v_subscriptions
WHERE database = {database:String} AND suite = {suite:String}
    AND (empty({ids:Array(UUID)}) OR id IN {ids:Array(UUID)})
ORDER BY name, id
