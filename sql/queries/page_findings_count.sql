-- name: page_findings_count
-- purpose: how many findings page_findings has for the same question, by kind.
-- params: database String, suite String, machine_id UInt32, machine String, metric String, test_id UInt32, test String, order_id UInt32
SELECT kind, count() AS finding_count
FROM v_findings
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
    AND ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
    AND ({machine:String} = '' OR positionCaseInsensitiveUTF8(machine, {machine:String}) > 0)
    AND ({metric:String} = '' OR metric = {metric:String})
    AND ({test_id:UInt32} = 0 OR test_id = {test_id:UInt32})
    AND ({test:String} = '' OR positionCaseInsensitiveUTF8(test, {test:String}) > 0)
    AND ({order_id:UInt32} = 0 OR order_id = {order_id:UInt32})
GROUP BY kind
ORDER BY kind
