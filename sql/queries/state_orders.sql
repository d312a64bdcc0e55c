-- name: state_orders
-- purpose: the orders of one suite.
-- params: database String, suite String
SELECT order_id, values, name, sort_key
FROM v_ledger_orders
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY order_id
