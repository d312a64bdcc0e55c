-- name: page_suites
-- purpose: one row per suite that has seen an event, for menus and for reading its schema.
-- params:
SELECT database, suite, schema
FROM v_suites
ORDER BY database, suite
SETTINGS max_threads = 1
