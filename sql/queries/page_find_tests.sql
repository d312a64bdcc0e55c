-- name: page_find_tests
-- purpose: tests whose names hold every word, in any case, the shortest names first.
-- params: database String, suite String, words Array(String), limit UInt32
SELECT test_id, name AS test
FROM v_test_names
WHERE database = {database:String} AND suite = {suite:String}
    AND arrayAll(word -> positionCaseInsensitive(name, word) > 0, {words:Array(String)})
ORDER BY length(test), test, test_id
LIMIT 1 BY test_id
LIMIT {limit:UInt32}
