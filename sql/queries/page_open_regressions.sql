-- name: page_open_regressions
-- purpose: which regressions in some states changed last, of all suites, of a database's or of one; how many there are is in total_count, what they are is in page_regression_rows.
-- params: database String, suite String, states Array(UInt8), limit UInt32
SELECT database, suite, regression_id, count() OVER () AS total_count
FROM v_regressions
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
    AND has({states:Array(UInt8)}, state)
ORDER BY changed_at DESC, seq DESC, database, suite, regression_id DESC
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
