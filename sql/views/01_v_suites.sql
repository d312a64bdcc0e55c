-- name: v_suites
-- purpose: one row per suite that has seen an event, with its schema as JSON.
CREATE OR REPLACE VIEW v_suites AS
SELECT database, suite, schema, seq
FROM suites FINAL
