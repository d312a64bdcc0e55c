-- name: suites_defined
-- purpose: one row per suite that has seen an event, with its schema and the position of the event that brought it: for suite files, and to know which databases exist.
-- params:
SELECT database, suite, schema, seq
FROM v_suites
ORDER BY database, suite
