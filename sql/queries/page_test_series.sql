-- name: page_test_series
-- purpose: the machines that measured a test of a suite, by metric.
-- params: database String, suite String, test_id UInt32, machine_ids Array(UInt32), metrics Array(String)
SELECT DISTINCT machine_id, metric
FROM v_samples
WHERE database = {database:String} AND suite = {suite:String}
    AND machine_id IN (SELECT arrayJoin({machine_ids:Array(UInt32)}))
    AND metric IN (SELECT arrayJoin({metrics:Array(String)}))
    AND test_id = {test_id:UInt32}
ORDER BY machine_id, metric
