-- name: page_search_tests
-- purpose: tests that have every part in their name, in small letters as LIKE has them; first those whose name is the whole text, or ends in it as its last part. No databases are all.
-- params: databases Array(String), whole String, tail String, part1 String, part2 String, part3 String, part4 String, limit UInt32
SELECT database, suite, test_id, name
FROM
(
    SELECT 1 AS place, database, suite, test_id, name
    FROM v_test_names
    WHERE (lower(name) LIKE {whole:String} OR lower(name) LIKE {tail:String})
        AND (empty({databases:Array(String)}) OR has({databases:Array(String)}, database))
    LIMIT {limit:UInt32}
    UNION ALL
    SELECT 2 AS place, database, suite, test_id, name
    FROM v_test_names
    WHERE lower(name) LIKE {part1:String}
        AND lower(name) LIKE {part2:String}
        AND lower(name) LIKE {part3:String}
        AND lower(name) LIKE {part4:String}
        AND (empty({databases:Array(String)}) OR has({databases:Array(String)}, database))
    LIMIT {limit:UInt32}
)
ORDER BY place, length(name), name, database, suite, test_id
LIMIT 1 BY database, suite, test_id
LIMIT {limit:UInt32}
