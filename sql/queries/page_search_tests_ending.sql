-- name: page_search_tests_ending
-- purpose: some tests whose name is a text, or ends in it as its last part, in small letters. With every, of any database.
-- params: every UInt8, databases Array(String), whole String, tail String, limit UInt32
SELECT database, suite, test_id, name
FROM v_test_names
WHERE (lower(name) = {whole:String} OR endsWith(lower(name), {tail:String}))
    AND ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
LIMIT {limit:UInt32}
