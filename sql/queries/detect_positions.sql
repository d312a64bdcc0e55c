-- name: detect_positions
-- purpose: per suite, how far its data reaches and how far a job has come.
-- params: job String
SELECT
    p.database AS database,
    p.suite AS suite,
    p.data_seq AS data_seq,
    j.seen_seq AS seen_seq
FROM v_positions AS p
LEFT JOIN
(
    SELECT database, suite, max(to_seq) AS seen_seq
    FROM v_job_runs
    WHERE job = {job:String} AND error = ''
    GROUP BY database, suite
) AS j ON j.database = p.database AND j.suite = p.suite
WHERE p.data_seq > j.seen_seq
ORDER BY database, suite
