-- name: page_subscriptions
-- purpose: who is told what of a suite, with how many messages were delivered and how many failed.
-- params: database String, suite String
WITH
    -- one row per subscription that was ever told something
    told AS (
        SELECT
            subscription_id,
            countIf(status = 'delivered') AS delivered_count,
            countIf(status IN ('failed', 'uncertain')) AS failed_count,
            max(changed_at) AS last_at
        FROM v_deliveries
        WHERE database = {database:String} AND suite = {suite:String}
        GROUP BY subscription_id
    )
SELECT
    s.id AS id,
    s.name AS name,
    s.channel AS channel,
    s.target AS target,
    s.machine AS machine,
    s.test AS test,
    s.metric AS metric,
    s.kinds AS kinds,
    s.on AS on,
    s.min_effect AS min_effect,
    s.every AS every,
    s.changed_at AS changed_at,
    s.actor AS actor,
    told.delivered_count AS delivered_count,
    told.failed_count AS failed_count,
    told.last_at AS last_at
FROM v_raw_subscriptions AS s
LEFT JOIN told ON told.subscription_id = s.id
WHERE s.database = {database:String} AND s.suite = {suite:String}
ORDER BY name, id
