-- name: page_findings_count
-- purpose: how many findings page_findings has for the same question, by kind.
-- params: database String, suite String, own_machine_ids Array(UInt32), gone Array(UInt32), metric String, test_id UInt32, test String, order_id UInt32
SELECT kind, count() AS finding_count
FROM v_finding_states
WHERE database = {database:String} AND suite = {suite:String}
    AND active = 1 AND dismissed = 0 AND shadow = 0
    AND (empty({own_machine_ids:Array(UInt32)}) OR machine_id IN {own_machine_ids:Array(UInt32)})
    AND machine_id NOT IN {gone:Array(UInt32)}
    AND ({metric:String} = '' OR metric = {metric:String})
    AND ({test_id:UInt32} = 0 OR test_id = {test_id:UInt32})
    AND ({test:String} = '' OR test_id IN (
        SELECT test_id
        FROM v_test_names
        WHERE database = {database:String} AND suite = {suite:String}
            AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
    ))
    AND ({order_id:UInt32} = 0 OR order_id = {order_id:UInt32})
GROUP BY kind
ORDER BY kind
SETTINGS max_threads = 1
