-- name: lnt_line_values
-- purpose: the values of some series at some orders, all types: line by line of machine, metric and test, which stand at one place of the three lists.
-- params: database String, suite String, machine_ids Array(UInt32), metrics Array(String), test_ids Array(UInt32), order_ids Array(UInt32)
WITH
    -- one row per value that is wanted
    found AS
    (
        SELECT machine_id, metric, test_id, order_id, run_id, row, value, '' AS text
        FROM v_samples
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id IN {machine_ids:Array(UInt32)}
          AND (machine_id, metric, test_id) IN (SELECT arrayJoin(arrayZip({machine_ids:Array(UInt32)}, {metrics:Array(String)}, {test_ids:Array(UInt32)})))
          AND order_id IN {order_ids:Array(UInt32)}
        UNION ALL
        SELECT machine_id, metric, test_id, order_id, run_id, row, toFloat64OrZero(t.value) AS value, t.value AS text
        FROM v_sample_texts AS t
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id IN {machine_ids:Array(UInt32)}
          AND (machine_id, metric, test_id) IN (SELECT arrayJoin(arrayZip({machine_ids:Array(UInt32)}, {metrics:Array(String)}, {test_ids:Array(UInt32)})))
          AND order_id IN {order_ids:Array(UInt32)}
    )
SELECT machine_id, metric, test_id, order_id, run_id, row, value, text
FROM found
ORDER BY machine_id, metric, test_id, run_id, row
