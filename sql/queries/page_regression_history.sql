-- name: page_regression_history
-- purpose: what happened to a regression, newest first, each step with what it left.
-- params: database String, suite String, regression_id UInt32, limit UInt32
SELECT
    seq,
    event_type,
    at,
    actor,
    title,
    bug,
    state,
    owner,
    tags,
    note,
    length(change_ids) AS change_count,
    deleted,
    merged_into
FROM v_regression_history
WHERE database = {database:String} AND suite = {suite:String} AND regression_id = {regression_id:UInt32}
ORDER BY seq DESC
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
