-- name: lnt_plot
-- purpose: the values of one series of a Real or Status metric as LNT's chart takes them, in the order in which their runs came; run_id narrows them to one run unless it is 0, status names the metric that says which values not to trust.
-- params: database String, suite String, machine_id UInt32, test_id UInt32, metric String, status String, run_id UInt32, max_values UInt64
WITH
    -- one row per value of the series; a metric is Real or Status, so one of the two parts is empty
    series AS
    (
        SELECT order_id, run_id, load_id, row, value
        FROM v_samples
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id = {machine_id:UInt32}
          AND metric = {metric:String}
          AND test_id = {test_id:UInt32}
        UNION ALL
        SELECT order_id, run_id, load_id, row, toFloat64OrZero(value) AS value
        FROM v_sample_texts
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id = {machine_id:UInt32}
          AND metric = {metric:String}
          AND test_id = {test_id:UInt32}
    ),
    -- one row per sample that its status says not to trust
    failing AS
    (
        SELECT load_id, row
        FROM v_sample_texts
        WHERE database = {database:String}
          AND suite = {suite:String}
          AND machine_id = {machine_id:UInt32}
          AND metric = {status:String}
          AND test_id = {test_id:UInt32}
          AND value != '0'
    ),
    -- one row per value that is shown
    shown AS
    (
        SELECT order_id, run_id, load_id, row, value
        FROM series
        WHERE (load_id, row) NOT IN (SELECT load_id, row FROM failing)
          AND ({run_id:UInt32} = 0 OR run_id = {run_id:UInt32})
        ORDER BY run_id, load_id, row
        LIMIT {max_values:UInt64}
    )
SELECT
    s.order_id AS order_id,
    o.values AS order_values,
    s.run_id AS run_id,
    r.start_at AS start_at,
    r.params AS params,
    s.value AS value
FROM shown AS s
INNER JOIN
(
    SELECT order_id, values
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM shown)
) AS o ON o.order_id = s.order_id
INNER JOIN
(
    SELECT run_id, start_at, params
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND run_id IN (SELECT run_id FROM shown)
) AS r ON r.run_id = s.run_id
ORDER BY s.run_id, s.load_id, s.row
