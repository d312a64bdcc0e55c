-- name: page_search
-- purpose: machines, orders and regressions that have every part in their name, in small letters as LIKE has them, or a regression with this number; of each kind as many as the limit, the likeliest. With every, of any database.
-- params: every UInt8, databases Array(String), whole String, part1 String, part2 String, part3 String, part4 String, id UInt32, limit UInt32
SELECT 'machine' AS kind, database, suite, machine_id AS id, name AS text
FROM v_machines
WHERE lower(name) LIKE {part1:String}
    AND lower(name) LIKE {part2:String}
    AND lower(name) LIKE {part3:String}
    AND lower(name) LIKE {part4:String}
    AND ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
ORDER BY length(text), text, database, suite, id
LIMIT {limit:UInt32}
UNION ALL
SELECT 'order' AS kind, database, suite, order_id AS id, name AS text
FROM v_delivered_orders
WHERE lower(name) LIKE {part1:String}
    AND lower(name) LIKE {part2:String}
    AND lower(name) LIKE {part3:String}
    AND lower(name) LIKE {part4:String}
    AND ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
ORDER BY lower(text) = {whole:String} DESC, startsWith(lower(text), {whole:String}) DESC, id DESC, database, suite
LIMIT 1 BY database, suite, id
LIMIT {limit:UInt32}
UNION ALL
SELECT 'regression' AS kind, database, suite, regression_id AS id, title AS text
FROM v_regressions
WHERE (regression_id = {id:UInt32}
        OR lower(title) LIKE {part1:String}
            AND lower(title) LIKE {part2:String}
            AND lower(title) LIKE {part3:String}
            AND lower(title) LIKE {part4:String})
    AND ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
ORDER BY (id = {id:UInt32} OR lower(text) = {whole:String}) DESC, id DESC, database, suite
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
