-- name: page_names
-- purpose: names of some machines, tests and orders, of any suites; each is one place of three lists. Reads by the index, however many there are of each.
-- params: machine_databases Array(String), machine_suites Array(String), machine_ids Array(UInt32), test_databases Array(String), test_suites Array(String), test_ids Array(UInt32), order_databases Array(String), order_suites Array(String), order_ids Array(UInt32)
SELECT kind, database, suite, id, name
FROM
(
    SELECT 'machine' AS kind, database, suite, machine_id AS id, name
    FROM v_machines
    WHERE (database, suite, machine_id) IN (
        SELECT arrayJoin(arrayZip({machine_databases:Array(String)}, {machine_suites:Array(String)}, {machine_ids:Array(UInt32)}))
    )
    UNION ALL
    SELECT 'test' AS kind, database, suite, test_id AS id, name
    FROM v_tests
    WHERE (database, suite, test_id) IN (
        SELECT arrayJoin(arrayZip({test_databases:Array(String)}, {test_suites:Array(String)}, {test_ids:Array(UInt32)}))
    )
    UNION ALL
    SELECT 'order' AS kind, database, suite, order_id AS id, name
    FROM v_orders
    WHERE (database, suite, order_id) IN (
        SELECT arrayJoin(arrayZip({order_databases:Array(String)}, {order_suites:Array(String)}, {order_ids:Array(UInt32)}))
    )
)
ORDER BY kind, database, suite, id
SETTINGS max_threads = 1
