-- name: detect_lnt_open
-- purpose: how many regressions of a suite LNT still looks at: detected, staged and active ones.
-- params: database String, suite String
SELECT count() AS regressions
FROM v_regressions
WHERE database = {database:String} AND suite = {suite:String} AND state IN (0, 1, 10)
