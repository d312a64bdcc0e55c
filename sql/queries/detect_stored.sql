-- name: detect_stored
-- purpose: what is stored of machines as points, each series cut into blocks with a margin of further points on both sides.
-- params: number UInt8, database String, suite String, machine_ids Array(UInt32), metrics Array(String), bigger_is_better Array(UInt8), from_test UInt32, to_test UInt32, of_machine Array(UInt32), of_metric Array(UInt8), of_test Array(UInt32), cuts Array(UInt32), touched Array(UInt32), from_order UInt32, to_order UInt32, margin UInt32, before_load UInt32, gone_after UInt64
-- Series are those of tests in a range, or just those that of_machine, of_metric, places in
-- metrics from 1 on, and of_test give. A row is a point of one block: series has in its
-- highest byte the number given for the first machine's first metric, one more for the next and so on, machine by machine,
-- in its lowest three that of the block, between them the test's id. place counts from 0 in the block with its margin; is_own tells the points
-- of the block proper. cuts are the orders that begin a block. is_judged tells the
-- blocks with a touched order in them or their margin, whether the series has a point there or not; all of them when none is named.
--
-- Data are as they stood at a position: generations below before_load, also those
-- that an event after gone_after took away. Machines are taken as they are now. Where nothing was
-- taken away since, what stands between "past" and "present" may be left out: planning it is a third of the time.
WITH
-- an order of the suite with where it stands and the block that it is in
line AS
(
    SELECT
        order_id,
        toUInt32(row_number() OVER (ORDER BY sort_key, order_id)) AS stands,
        toUInt32(sum(order_id IN {cuts:Array(UInt32)}) OVER (ORDER BY sort_key, order_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS block,
        order_id IN {touched:Array(UInt32)} AS is_touched
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
),
-- past: generations that counted then and do not now
gone AS
(
    SELECT load_id
    FROM v_gone_loads
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {gone_after:UInt64} AND load_id < {before_load:UInt32}
),
-- present
-- a value
measured AS
(
    SELECT machine_id, metric, test_id, order_id, value
    FROM v_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id IN {machine_ids:Array(UInt32)}
        AND metric IN {metrics:Array(String)}
        AND test_id >= {from_test:UInt32}
        AND test_id <= {to_test:UInt32}
        AND (
            empty({of_test:Array(UInt32)})
            OR test_id IN {of_test:Array(UInt32)}
                AND (machine_id, metric, test_id) IN (
                    SELECT machine, {metrics:Array(String)}[m], t
                    FROM (SELECT 1)
                    ARRAY JOIN {of_machine:Array(UInt32)} AS machine, {of_metric:Array(UInt8)} AS m, {of_test:Array(UInt32)} AS t
                )
        )
        AND load_id < {before_load:UInt32}
        AND failed = 0
        -- past
        AND load_id NOT IN (SELECT load_id FROM gone)
    UNION ALL
    SELECT machine_id, metric, test_id, order_id, value
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (
            SELECT seq
            FROM v_ledger
            WHERE database = {database:String} AND suite = {suite:String} AND load_id IN (SELECT load_id FROM gone)
        )
        AND machine_id IN {machine_ids:Array(UInt32)}
        AND metric IN {metrics:Array(String)}
        AND test_id >= {from_test:UInt32}
        AND test_id <= {to_test:UInt32}
        AND (
            empty({of_test:Array(UInt32)})
            OR test_id IN {of_test:Array(UInt32)}
                AND (machine_id, metric, test_id) IN (
                    SELECT machine, {metrics:Array(String)}[m], t
                    FROM (SELECT 1)
                    ARRAY JOIN {of_machine:Array(UInt32)} AS machine, {of_metric:Array(UInt8)} AS m, {of_test:Array(UInt32)} AS t
                )
        )
        AND failed = 0
    -- present
),
-- what is said of the orders, by where they stand
known AS
(
    SELECT
        groupArray((order_id, block)) AS at,
        groupArrayIf(stands, is_touched = 1) AS touched_at,
        indexOf(at.1, {from_order:UInt32}) AS from_at,
        if({to_order:UInt32} = 0, 4294967295, indexOf(at.1, {to_order:UInt32})) AS to_at
    FROM (SELECT * FROM line ORDER BY stands)
),
-- a series: its values by where their orders stand, then by size
sorted AS
(
    SELECT machine_id, metric, test_id, arraySort(groupArray((stands, value))) AS pairs, pairs.1 AS stands_of, pairs.2 AS values_of
    FROM measured
    INNER JOIN line USING (order_id)
    WHERE isFinite(value)
    GROUP BY machine_id, metric, test_id
),
-- the same with its orders
whole AS
(
    SELECT
        machine_id,
        metric,
        test_id,
        arrayMap((s, before) -> s != before, stands_of, arrayPushFront(arrayPopBack(stands_of), 0)) AS begins_order,
        arrayFilter((s, is) -> is, stands_of, begins_order) AS stands_in_order,
        arraySplit((v, is) -> is, values_of, begins_order) AS all_samples,
        arrayMap(samples -> (samples[intDiv(length(samples) + 1, 2)] + samples[intDiv(length(samples), 2) + 1]) / 2, all_samples) AS medians,
        arrayMap(s -> (SELECT at FROM known)[s], stands_in_order) AS points,
        points.1 AS orders,
        points.2 AS blocks,
        arrayMap(
            s -> toUInt8(s BETWEEN (SELECT from_at FROM known) AND (SELECT to_at FROM known)),
            stands_in_order
        ) AS within,
        -- the first of each block
        arrayFilter((k, b, before) -> k = 1 OR b != before, arrayEnumerate(blocks), blocks, arrayPushFront(arrayPopBack(blocks), 0)) AS firsts
    FROM sorted
),
-- a block of a series: from its first point to its last, and with its margin
cut AS
(
    SELECT
        indexOf({metrics:Array(String)}, toString(metric)) AS number_of_metric,
        toInt64(firsts[k]) AS first,
        if(k < length(firsts), toInt64(firsts[k + 1]) - 1, toInt64(length(orders))) AS last,
        greatest(first - {margin:UInt32}, 1) AS begins,
        least(last + {margin:UInt32}, toInt64(length(orders))) AS ends,
        toUInt64({number:UInt8} + (indexOf({machine_ids:Array(UInt32)}, machine_id) - 1) * length({metrics:Array(String)}) + number_of_metric - 1) AS number,
        bitShiftLeft(number, 56) + bitShiftLeft(toUInt64(test_id), 24) + blocks[first] AS series,
        -- all orders count that lie between its neighbours: the series may have no point at a touched one any more
        if(begins = 1, 0, stands_in_order[begins - 1] + 1) AS spans_from,
        if(ends = length(orders), 4294967295, stands_in_order[ends + 1] - 1) AS spans_to,
        least(
            if(empty({touched:Array(UInt32)}), 1, arrayExists(s -> s >= spans_from AND s <= spans_to, (SELECT touched_at FROM known))),
            arrayMax(arraySlice(within, first, last - first + 1))
        ) AS is_judged,
        -- lists of what its points are: a list that is looked into point by point would be copied for each
        arraySlice(medians, begins, ends - begins + 1) AS levels_of,
        arraySlice(all_samples, begins, ends - begins + 1) AS samples_of,
        arraySlice(orders, begins, ends - begins + 1) AS orders_of,
        arrayPopBack(arrayPushFront(orders_of, if(begins = 1, 0, orders[begins - 1]))) AS previous_of,
        arrayMap((is, at) -> toUInt8(is AND begins + at - 1 >= first AND begins + at - 1 <= last), arraySlice(within, begins, ends - begins + 1), arrayEnumerate(orders_of)) AS own_of,
        arrayEnumerate(orders_of) AS places_of
    FROM whole
    ARRAY JOIN arrayEnumerate(firsts) AS k
)
SELECT
    series,
    toUInt32(at - 1) AS place,
    toFloat64(level) AS level,
    values,
    {bigger_is_better:Array(UInt8)}[number_of_metric]::UInt8 AS bigger,
    order_id,
    previous_order_id,
    is_own,
    is_judged
FROM cut
ARRAY JOIN
    levels_of AS level,
    samples_of AS values,
    orders_of AS order_id,
    previous_of AS previous_order_id,
    own_of AS is_own,
    places_of AS at
