-- name: detect_neighbourhood
-- purpose: the orders of one machine around those that got data in a range of the log, in order, each with its place among all of them and whether it is to be judged.
-- params: database String, suite String, machine_id UInt32, from_seq UInt64, to_seq UInt64, reach UInt16
-- What is said of an order hangs on those within reach of it. So the orders
-- within reach of new data are judged, and those within reach of them are read.
WITH
-- an order of the machine with the positions of its runs
machine_orders AS
(
    SELECT
        r.order_id AS order_id,
        any(o.sort_key) AS sort_key,
        groupArray(r.seq) AS seqs,
        max(r.seq > {from_seq:UInt64} AND r.seq <= {to_seq:UInt64} AND r.ignore_regressions = 0) AS is_touched
    FROM v_runs AS r
    INNER JOIN
    (
        SELECT order_id, sort_key
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS o ON o.order_id = r.order_id
    WHERE r.database = {database:String}
        AND r.suite = {suite:String}
        AND r.machine_id = {machine_id:UInt32}
    GROUP BY order_id
),
-- the same with what is near
near AS
(
    SELECT
        order_id,
        seqs,
        row_number() OVER (ORDER BY sort_key, order_id) AS place,
        max(is_touched) OVER (ORDER BY sort_key, order_id ROWS BETWEEN {reach:UInt16} PRECEDING AND {reach:UInt16} FOLLOWING) AS is_judged,
        max(is_touched) OVER (ORDER BY sort_key, order_id ROWS BETWEEN 2 * {reach:UInt16} PRECEDING AND 2 * {reach:UInt16} FOLLOWING) AS is_read
    FROM machine_orders
)
SELECT order_id, toUInt32(place) AS place, arraySort(seqs) AS seqs, toUInt8(is_judged) AS is_judged
FROM near
WHERE is_read
ORDER BY place
