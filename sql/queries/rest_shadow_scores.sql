-- name: rest_shadow_scores
-- purpose: per detector that judges as a shadow, what it found beside what stands, and what people say of it.
-- params: database String, suite String
SELECT
    toString(detector) AS detector,
    found,
    agreed,
    toUInt64(alone) AS alone,
    missed,
    found_real,
    found_not_real
FROM v_shadow_scores
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY detector
