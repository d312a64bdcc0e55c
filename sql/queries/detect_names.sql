-- name: detect_names
-- purpose: the names that rules of detectors are about: those of a suite's machines and tests.
-- params: database String, suite String
SELECT 'machine' AS what, machine_id AS id, name
FROM v_machines
WHERE database = {database:String} AND suite = {suite:String}
UNION ALL
SELECT 'test' AS what, test_id AS id, name
FROM v_tests
WHERE database = {database:String} AND suite = {suite:String}
