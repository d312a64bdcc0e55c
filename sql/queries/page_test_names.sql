-- name: page_test_names
-- purpose: names of some tests of any suites; each is one place of three lists. Reads by the index, however many there are.
-- params: databases Array(String), suites Array(String), ids Array(UInt32)
SELECT database, suite, test_id AS id, name
FROM v_tests
WHERE (database, suite, test_id) IN (
    SELECT arrayJoin(arrayZip({databases:Array(String)}, {suites:Array(String)}, {ids:Array(UInt32)}))
)
ORDER BY database, suite, id
SETTINGS max_threads = 1
