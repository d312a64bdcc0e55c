-- name: detect_positions
-- purpose: per suite and job, how far the suite's data reaches, how far the job has come and when it last did so. One read for all jobs of a slot.
-- params: jobs Array(String)
SELECT
    p.database AS database,
    p.suite AS suite,
    p.job AS job,
    p.data_seq AS data_seq,
    j.seen_seq AS seen_seq,
    j.last_at AS last_at
FROM
(
    SELECT database, suite, data_seq, arrayJoin({jobs:Array(String)}) AS job
    FROM v_positions
    WHERE data_seq > 0
) AS p
LEFT JOIN
(
    SELECT job, database, suite, max(to_seq) AS seen_seq, max(slot_at) AS last_at
    FROM v_job_runs
    WHERE job IN {jobs:Array(String)} AND error = ''
    GROUP BY job, database, suite
) AS j ON j.job = p.job AND j.database = p.database AND j.suite = p.suite
ORDER BY database, suite, job
