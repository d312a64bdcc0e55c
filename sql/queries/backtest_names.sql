-- name: backtest_names
-- purpose: the machines with runs and the tests of a suite by name, for patterns to be held against.
-- params: database String, suite String
SELECT what, id, name
FROM
(
    SELECT 'machine' AS what, machine_id AS id, name
    FROM v_machines
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id IN (SELECT machine_id FROM v_runs WHERE database = {database:String} AND suite = {suite:String})
    UNION ALL
    SELECT 'test' AS what, test_id AS id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String}
)
ORDER BY what, id
