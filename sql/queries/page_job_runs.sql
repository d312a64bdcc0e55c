-- name: page_job_runs
-- purpose: the newest slots of the jobs that look at a suite, failing ones first where that is asked for.
-- params: database String, suite String, failing UInt8, limit UInt32
SELECT job, slot_at, started_at, took_ms, from_seq, to_seq, rows, missed_slots, error
FROM v_job_runs
WHERE (database = {database:String} AND suite = {suite:String} OR database = '' AND suite = '')
    AND ({failing:UInt8} = 0 OR error != '')
ORDER BY started_at DESC, job
LIMIT {limit:UInt32}
