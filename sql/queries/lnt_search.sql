-- name: lnt_search
-- purpose: runs for the pickers of LNT's pages, the newest id first: of the machines whose names hold every word, or of machine_id when there are no words; of orders whose text at order_field (from 1, or all of it when 0) holds order_text.
-- params: database String, suite String, words Array(String), machine_id UInt32, order_field UInt32, order_text String, max_rows UInt64
WITH
    -- one row per machine that is meant
    meant AS
    (
        SELECT machine_id, name
        FROM v_machines
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND if(empty({words:Array(String)}), machine_id = {machine_id:UInt32}, arrayAll(word -> position(name, word) > 0, {words:Array(String)}))
    ),
    -- one row per order that is meant
    placed AS
    (
        SELECT order_id, if({order_field:UInt32} = 0, name, values[greatest({order_field:UInt32}, 1)]) AS revision
        FROM v_orders
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND position(revision, {order_text:String}) > 0
    )
SELECT r.run_id AS run_id, m.name AS machine, o.revision AS revision
FROM
(
    SELECT run_id, machine_id, order_id
    FROM v_runs
    WHERE database = {database:String}
      AND suite = {suite:String}
      AND machine_id IN (SELECT machine_id FROM meant)
      AND order_id IN (SELECT order_id FROM placed)
    ORDER BY run_id DESC
    LIMIT {max_rows:UInt64}
) AS r
INNER JOIN meant AS m ON m.machine_id = r.machine_id
INNER JOIN placed AS o ON o.order_id = r.order_id
ORDER BY run_id DESC
