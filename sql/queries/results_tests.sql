-- name: results_tests
-- purpose: the names of the tests of the run at a position.
-- params: database String, suite String, seq UInt64
SELECT test_id, name
FROM v_tests
WHERE database = {database:String} AND suite = {suite:String}
    AND test_id IN
    (
        SELECT arrayJoin(row_test_id)
        FROM v_run_parts
        WHERE database = {database:String} AND suite = {suite:String} AND seq = {seq:UInt64}
    )
ORDER BY test_id
