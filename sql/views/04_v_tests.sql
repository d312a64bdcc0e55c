-- name: v_tests
-- purpose: one row per test of a suite.
CREATE OR REPLACE VIEW v_tests AS
SELECT database, suite, test_id, name
FROM tests FINAL
