-- question: Which orders changed most series?
SELECT order_name, uniqExact(test_id, machine_id, metric) AS series, countIf(kind = 'regression') AS regressions, round(sum(abs(log(after / before))), 4) AS total_effect
FROM v_findings
WHERE database = {database:String} AND suite = {suite:String} AND before > 0 AND after > 0
GROUP BY order_name, sort_key
ORDER BY series DESC, sort_key
LIMIT 20
