-- name: lnt_graph
-- purpose: the values of one series of a Real metric that LNT's graph shows: the last ones by the text of the order (its value at order_field, from 1; all of it when 0), then sorted by order, the newest run's last row first.
-- params: database String, suite String, machine_id UInt32, test_id UInt32, metric String, status String, order_field UInt32, max_values UInt64
WITH
    -- one row per value of the series
    series AS
    (
        SELECT order_id, run_id, load_id, row, value
        FROM v_samples
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
        SELECT o.revision AS order_name, o.sort_key AS sort_key, s.run_id AS run_id, s.load_id AS load_id, s.row AS row, s.value AS value
        FROM series AS s
        INNER JOIN
        (
            SELECT order_id, if({order_field:UInt32} = 0, name, values[greatest({order_field:UInt32}, 1)]) AS revision, sort_key
            FROM v_orders
            WHERE database = {database:String} AND suite = {suite:String} AND order_id IN (SELECT order_id FROM series)
        ) AS o ON o.order_id = s.order_id
        WHERE (s.load_id, s.row) NOT IN (SELECT load_id, row FROM failing)
        ORDER BY order_name DESC, run_id, load_id, row
        LIMIT {max_values:UInt64}
    )
SELECT s.order_name AS order_name, s.run_id AS run_id, r.start_at AS start_at, s.value AS value
FROM shown AS s
INNER JOIN
(
    SELECT run_id, start_at
    FROM v_runs
    WHERE database = {database:String} AND suite = {suite:String} AND run_id IN (SELECT run_id FROM shown)
) AS r ON r.run_id = s.run_id
ORDER BY s.sort_key, s.order_name, s.run_id DESC, s.load_id DESC, s.row DESC
