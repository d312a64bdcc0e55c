-- name: detect_full
-- purpose: per suite, how far its data reaches, how far a job that passes over everything has come, and when it last did so.
-- params: job String
SELECT
    p.database AS database,
    p.suite AS suite,
    p.data_seq AS data_seq,
    j.seen_seq AS seen_seq,
    j.last_at AS last_at
FROM v_positions AS p
LEFT JOIN
(
    SELECT database, suite, max(to_seq) AS seen_seq, max(slot_at) AS last_at
    FROM v_job_runs
    WHERE job = {job:String} AND error = ''
    GROUP BY database, suite
) AS j ON j.database = p.database AND j.suite = p.suite
WHERE p.data_seq > 0
ORDER BY database, suite
