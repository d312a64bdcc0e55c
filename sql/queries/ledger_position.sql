-- name: ledger_position
-- purpose: the newest event of each suite: how far its data reaches.
-- params: database String
SELECT database, suite, max(seq) AS seq
FROM v_ledger
WHERE {database:String} = '' OR database = {database:String}
GROUP BY database, suite
ORDER BY database, suite
