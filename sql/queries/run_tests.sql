-- name: run_tests
-- purpose: the names of the tests of the runs at some positions.
-- params: database String, suite String, seqs Array(UInt64)
SELECT test_id, name
FROM v_tests
WHERE database = {database:String} AND suite = {suite:String}
    AND test_id IN
    (
        SELECT arrayJoin(row_test_id)
        FROM v_run_parts
        WHERE database = {database:String} AND suite = {suite:String} AND seq IN {seqs:Array(UInt64)}
    )
ORDER BY test_id
