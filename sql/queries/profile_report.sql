-- name: profile_report
-- purpose: the report a run came in, if a test has a profile in it, with the test's name.
-- params: database String, suite String, run_id UInt32, test_id UInt32
WITH (
    SELECT max(seq)
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND run_id = {run_id:UInt32}
) AS run_seq
SELECT
    body,
    (
        SELECT any(name)
        FROM v_tests
        WHERE database = {database:String} AND suite = {suite:String} AND test_id = {test_id:UInt32}
    ) AS test
FROM v_ledger
WHERE database = {database:String} AND suite = {suite:String} AND seq = run_seq
    AND seq IN (
        SELECT seq
        FROM v_run_profiles
        WHERE database = {database:String} AND suite = {suite:String} AND seq = run_seq AND test_id = {test_id:UInt32}
    )
