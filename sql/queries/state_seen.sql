-- name: state_seen
-- purpose: every event of one suite with its first answer, without the repetitions.
-- params: database String, suite String
SELECT
    event_id,
    body_digest,
    status,
    code,
    error,
    message,
    field,
    run_id,
    machine_id,
    order_id
FROM v_decisions
WHERE database = {database:String} AND suite = {suite:String} AND status != 'duplicate'
ORDER BY seq
LIMIT 1 BY event_id
