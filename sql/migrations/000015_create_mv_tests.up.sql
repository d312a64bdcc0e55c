CREATE MATERIALIZED VIEW IF NOT EXISTS mv_tests TO tests AS
SELECT database, suite, id AS test_id, name
FROM ledger_changes
ARRAY JOIN
    test_row_id AS id,
    test_row_name AS name
