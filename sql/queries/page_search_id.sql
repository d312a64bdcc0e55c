-- name: page_search_id
-- purpose: the event or the change point that has an id. No databases are all.
-- params: databases Array(String), event_id UUID
SELECT kind, database, suite, id, text, detail, toUInt8(1) AS exact
FROM
(
    SELECT 'submission' AS kind, database, suite, toUInt32(0) AS id, toString(event_id) AS text, CAST(event_type, 'String') AS detail
    FROM v_receipts
    WHERE event_id = {event_id:UUID} AND (empty({databases:Array(String)}) OR has({databases:Array(String)}, database))
    LIMIT 1
    UNION ALL
    SELECT
        'finding' AS kind, database, suite, change_id AS id, toString(finding_id) AS text,
        concat(toString(machine_id), '.', toString(test_id), '.', metric, '.', toString(order_id)) AS detail
    FROM v_change_points
    WHERE finding_id = {event_id:UUID} AND (empty({databases:Array(String)}) OR has({databases:Array(String)}, database))
    LIMIT 1
)
ORDER BY kind
