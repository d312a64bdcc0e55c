-- name: page_search
-- purpose: machines, orders and regressions that have every word in their name, or with this number. With every, of any database.
-- params: every UInt8, databases Array(String), whole String, words Array(String), id UInt32, limit UInt32
SELECT kind, database, suite, id, text, detail, exact
FROM
(
    SELECT 'machine' AS kind, database, suite, machine_id AS id, name AS text, '' AS detail, toUInt8(lower(name) = {whole:String}) AS exact
    FROM v_machines
    WHERE ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
        AND arrayAll(word -> position(lower(name), word) > 0, {words:Array(String)})
    ORDER BY exact DESC, length(text), text, database, suite
    LIMIT {limit:UInt32}
    UNION ALL
    SELECT 'order' AS kind, database, suite, order_id AS id, name AS text, '' AS detail, toUInt8(lower(name) = {whole:String}) AS exact
    FROM v_orders
    WHERE ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
        AND arrayAll(word -> position(lower(name), word) > 0, {words:Array(String)})
    ORDER BY exact DESC, startsWith(lower(text), {whole:String}) DESC, id DESC, database, suite
    LIMIT {limit:UInt32}
    UNION ALL
    SELECT
        'regression' AS kind, database, suite, regression_id AS id, title AS text, '' AS detail,
        toUInt8(regression_id = {id:UInt32} OR lower(title) = {whole:String}) AS exact
    FROM v_regressions
    WHERE ({every:UInt8} = 1 OR has({databases:Array(String)}, database))
        AND (regression_id = {id:UInt32} OR arrayAll(word -> position(lower(title), word) > 0, {words:Array(String)}))
    ORDER BY exact DESC, id DESC, database, suite
    LIMIT {limit:UInt32}
)
SETTINGS max_threads = 1
