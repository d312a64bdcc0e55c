-- name: v_readable
-- purpose: one row per suite and kind (finding or regression) that it has, with the position up to which they can be read; filter by database and suite.
-- Which of a key's rows counts makes no difference to the newest position, so none is sorted out.
CREATE OR REPLACE VIEW v_readable AS
SELECT database, suite, 'finding' AS kind, max(findings.seq) AS seq
FROM findings
GROUP BY database, suite
UNION ALL
SELECT database, suite, 'regression' AS kind, max(regressions.seq) AS seq
FROM regressions
GROUP BY database, suite
