-- question: What moved in the last week?
SELECT found_at, machine, test, metric, order_name, direction, kind, round(100 * effect, 2) AS percent
FROM v_findings
WHERE database = {database:String} AND suite = {suite:String} AND found_at > now() - INTERVAL 7 DAY
ORDER BY abs(effect) DESC, change_id
LIMIT 100
