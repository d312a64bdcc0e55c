-- name: page_order
-- purpose: one order (side 0) and its neighbours among all orders of the suite, the one before (-1) and the one after (1).
-- params: database String, suite String, order_id UInt32
WITH
    -- one row per order with its place in the suite's history
    placed AS (
        SELECT order_id, name, values, toInt64(row_number() OVER (ORDER BY sort_key, order_id)) AS place
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    )
SELECT
    order_id,
    name AS order_name,
    values,
    toInt8(place - (SELECT max(place) FROM placed WHERE order_id = {order_id:UInt32})) AS side
FROM placed
WHERE abs(place - (SELECT max(place) FROM placed WHERE order_id = {order_id:UInt32})) <= 1
    AND (SELECT count() FROM placed WHERE order_id = {order_id:UInt32}) > 0
ORDER BY side
