-- name: page_search_tests
-- purpose: some tests that have every part in their name, in small letters as LIKE has them; when there are as many as the limit there may be more, of which page_search_tests_ending knows the best. With every, of any database.
-- params: every UInt8, databases Array(String), part1 String, part2 String, part3 String, part4 String, limit UInt32
SELECT database, suite, test_id, name
FROM v_test_names
WHERE lower(name) LIKE {part1:String}
    AND lower(name) LIKE {part2:String}
    AND lower(name) LIKE {part3:String}
    AND lower(name) LIKE {part4:String}
    AND ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
LIMIT {limit:UInt32}
