-- question: How do the scheduled jobs do?
SELECT job, count() AS runs, countIf(error != '') AS failed, round(avg(took_ms)) AS mean_ms, max(started_at) AS newest
FROM v_job_runs
GROUP BY job
ORDER BY job
