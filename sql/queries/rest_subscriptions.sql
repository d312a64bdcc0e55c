-- name: rest_subscriptions
-- purpose: who is told what; an empty list of ids lets all pass. Where it leads is said whole, or as readers see it.
-- params: database String, suite String, ids Array(UUID), whole UInt8
SELECT
    s.id AS id,
    s.name AS name,
    s.channel AS channel,
    if({whole:UInt8} = 1, r.target, s.target) AS target,
    s.machine AS machine,
    s.test AS test,
    s.metric AS metric,
    s.kinds AS kinds,
    s.on AS on,
    s.min_effect AS min_effect,
    s.every AS every,
    s.seq AS seq,
    s.changed_at AS changed_at,
    s.actor AS actor
FROM v_subscriptions AS s
INNER JOIN
(
    SELECT id, target
    FROM v_raw_subscriptions
    WHERE database = {database:String} AND suite = {suite:String}
) AS r ON r.id = s.id
WHERE s.database = {database:String} AND s.suite = {suite:String}
    AND (empty({ids:Array(UUID)}) OR s.id IN {ids:Array(UUID)})
ORDER BY name, id
