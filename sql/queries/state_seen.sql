-- name: state_seen
-- purpose: every event of one suite with its answer, without those whose id came before.
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
    order_id,
    machine_name,
    deleted_runs,
    regression_id
FROM v_decisions
WHERE database = {database:String} AND suite = {suite:String} AND duplicate_of = toUUID('00000000-0000-0000-0000-000000000000')
ORDER BY seq
