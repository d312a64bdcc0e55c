-- name: page_findings_count
-- purpose: how many findings page_findings has for the same question, by kind.
-- params: database String, suite String, machine_id UInt32, machine String, metric String, test_id UInt32, test String, order_id UInt32
SELECT kind, count() AS finding_count
FROM v_change_points
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
    AND ({machine_id:UInt32} = 0 OR machine_id = {machine_id:UInt32})
    AND (database, suite, machine_id) IN (
        SELECT database, suite, machine_id
        FROM v_machines
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
            AND ({machine:String} = '' OR positionCaseInsensitiveUTF8(name, {machine:String}) > 0)
    )
    AND ({metric:String} = '' OR metric = {metric:String})
    AND ({test_id:UInt32} = 0 OR test_id = {test_id:UInt32})
    AND ({test:String} = '' OR (database, suite, test_id) IN (
        SELECT database, suite, test_id
        FROM v_test_names
        WHERE ({database:String} = '' OR database = {database:String})
            AND ({suite:String} = '' OR suite = {suite:String})
            AND {test:String} != '' AND positionCaseInsensitiveUTF8(name, {test:String}) > 0
    ))
    AND ({order_id:UInt32} = 0 OR order_id = {order_id:UInt32})
GROUP BY kind
ORDER BY kind
SETTINGS max_threads = 1
