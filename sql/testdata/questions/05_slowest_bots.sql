-- question: Which machines take longest for a run?
SELECT m.name AS machine, count() AS runs, round(median(dateDiff('second', r.start_at, r.end_at))) AS median_s, max(r.received_at) AS newest
FROM v_runs AS r
INNER JOIN v_machines AS m USING (database, suite, machine_id)
WHERE r.database = {database:String} AND r.suite = {suite:String}
GROUP BY machine
ORDER BY median_s DESC, machine
