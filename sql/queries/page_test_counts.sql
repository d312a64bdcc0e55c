-- name: page_test_counts
-- purpose: how many tests each suite has; an empty database means all of them, an empty suite all of a database.
-- params: database String, suite String
SELECT database, suite, count() AS test_count
FROM v_tests
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
GROUP BY database, suite
ORDER BY database, suite
SETTINGS max_threads = 1, optimize_aggregation_in_order = 1
