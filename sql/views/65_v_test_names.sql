-- name: v_test_names
-- purpose: the names of tests, to look for one by a part of it: without the work of v_tests, so that a test may have several rows, all of them the same.
CREATE OR REPLACE VIEW v_test_names AS
SELECT database, suite, test_id, name
FROM tests
