-- name: page_rule_matches
-- purpose: what the patterns of a rule match in a suite, given as regular expressions: how many names, some of them, and how many findings stand there.
-- params: database String, suite String, machine String, test String, metrics Array(String)
WITH
-- a machine that matches
machines_of AS
(
    SELECT machine_id, name
    FROM v_machines
    WHERE database = {database:String} AND suite = {suite:String} AND match(name, {machine:String})
),
-- a test that matches
tests_of AS
(
    SELECT test_id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String} AND match(name, {test:String})
)
SELECT
    (SELECT count() FROM machines_of) AS machine_count,
    (SELECT arraySlice(arraySort(groupArray(name)), 1, 5) FROM machines_of) AS machines,
    (SELECT count() FROM tests_of) AS test_count,
    (SELECT arraySlice(arraySort(groupArray(1000)(name)), 1, 5) FROM tests_of) AS tests,
    (
        SELECT count()
        FROM v_change_points
        WHERE database = {database:String} AND suite = {suite:String}
            AND machine_id IN (SELECT machine_id FROM machines_of)
            AND test_id IN (SELECT test_id FROM tests_of)
            AND metric IN {metrics:Array(String)}
    ) AS finding_count
