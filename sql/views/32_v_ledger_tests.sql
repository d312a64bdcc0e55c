-- name: v_ledger_tests
-- purpose: one row per test of a suite, from the ledger alone, as v_ledger_machines; filter by database and suite.
CREATE OR REPLACE VIEW v_ledger_tests AS
SELECT database, suite, id AS test_id, any(test) AS name
FROM ledger
ARRAY JOIN
    test_row_id AS id,
    test_row_name AS test
GROUP BY database, suite, test_id
