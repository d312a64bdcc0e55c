-- name: rest_failing
-- purpose: the newest run of each job over a suite, when it failed.
-- params: database String, suite String
SELECT job, slot_at, error
FROM
(
    SELECT job, slot_at, error
    FROM v_job_runs
    WHERE database = {database:String} AND suite = {suite:String}
    ORDER BY slot_at DESC
    LIMIT 1 BY job
)
WHERE error != ''
ORDER BY job
