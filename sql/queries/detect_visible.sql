-- name: detect_visible
-- purpose: whether an event has been stored and the findings and regressions it changed can be read.
-- params: database String, suite String, event_id UUID
WITH
-- How far each of them can be read. From the tables: which of a key's rows counts makes no difference to the newest position.
(
    SELECT max(seq)
    FROM findings
    WHERE database = {database:String} AND suite = {suite:String}
) AS findings_to,
(
    SELECT max(seq)
    FROM regressions
    WHERE database = {database:String} AND suite = {suite:String}
) AS regressions_to
SELECT uniqExact(event_id) AS stored
FROM v_effects
WHERE database = {database:String}
    AND suite = {suite:String}
    AND event_id = {event_id:UUID}
    AND finding_seq <= findings_to
    AND regression_seq <= regressions_to
