-- question: Which machines have not reported for longest?
SELECT m.name AS machine, max(r.received_at) AS newest, dateDiff('hour', newest, now()) AS hours
FROM v_machines AS m
LEFT JOIN v_runs AS r ON r.database = m.database AND r.suite = m.suite AND r.machine_id = m.machine_id
WHERE m.database = {database:String} AND m.suite = {suite:String}
GROUP BY machine
ORDER BY newest, machine
