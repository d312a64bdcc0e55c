-- name: detect_visible
-- purpose: whether an event has been stored and the findings and regressions it changed can be read.
-- params: database String, suite String, event_id UUID
WITH
-- how far each of them can be read
(
    SELECT (maxIf(seq, kind = 'finding'), maxIf(seq, kind = 'regression'))
    FROM v_readable
    WHERE database = {database:String} AND suite = {suite:String}
) AS to
SELECT uniqExact(event_id) AS stored
FROM v_effects
WHERE database = {database:String}
    AND suite = {suite:String}
    AND event_id = {event_id:UUID}
    AND finding_seq <= to.1
    AND regression_seq <= to.2
