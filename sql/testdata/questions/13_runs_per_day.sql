-- question: How many runs and samples come in per day?
SELECT toDate(received_at) AS day, count() AS runs, sum(sample_rows) AS rows
FROM v_runs
WHERE database = {database:String} AND suite = {suite:String}
GROUP BY day
ORDER BY day DESC
