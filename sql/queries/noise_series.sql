-- name: noise_series
-- purpose: how noisy each series of a machine is over its newest orders: within an order, from order to order, what of it the machine does to all series of a metric, and the smallest change that can be seen.
-- params: database String, suite String, machine_id UInt32, orders UInt32, metric String, hash_metric String, test_ids Array(UInt32), side UInt16, min_t Float64, min_sigmas Float64, min_effect Float64, goal Float64, above_metric String, above_test String, max_items UInt64
--
-- The formulas, with their units, are in docs/noise.md. What cannot be told from the data is NULL.
WITH
-- an order of the machine, the newest first, with the positions of its runs
newest AS
(
    SELECT r.order_id AS order_id, any(o.sort_key) AS sort_key, groupArray(r.seq) AS seqs
    FROM v_runs AS r
    INNER JOIN
    (
        SELECT order_id, sort_key
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS o ON o.order_id = r.order_id
    WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.machine_id = {machine_id:UInt32}
    GROUP BY order_id
    ORDER BY sort_key DESC, order_id DESC
    LIMIT {orders:UInt32}
),
-- the same with its place, the oldest at 1
places AS
(
    SELECT order_id, toUInt32(row_number() OVER (ORDER BY sort_key, order_id)) AS place
    FROM newest
),
-- the samples of a series at one order
samples_of AS
(
    SELECT metric, test_id, order_id, arraySort(groupArray(value)) AS values
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT arrayJoin(seqs) FROM newest)
        AND machine_id = {machine_id:UInt32}
        AND ({metric:String} = '' OR metric = {metric:String})
        AND failed = 0
    GROUP BY metric, test_id, order_id
),
-- the code hash of a test at one order; empty when there is none or several
hashes AS
(
    SELECT test_id, order_id, if(uniqExact(value) = 1, any(value), '') AS hash
    FROM v_run_texts
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT arrayJoin(seqs) FROM newest WHERE {hash_metric:String} != '')
        AND machine_id = {machine_id:UInt32}
        AND metric = {hash_metric:String}
    GROUP BY test_id, order_id
),
-- a series, its orders in their order
series AS
(
    SELECT
        s.metric AS metric,
        s.test_id AS test_id,
        arraySort(groupArray((p.place, s.values, h.hash))) AS points,
        points.1 AS place_of,
        points.2 AS values_of,
        points.3 AS hash_of,
        arrayMap(v -> (v[intDiv(length(v) + 1, 2)] + v[intDiv(length(v), 2) + 1]) / 2, values_of) AS levels,
        arraySort(levels) AS sorted_levels,
        arraySort(arrayMap(v -> length(v), values_of)) AS counts,
        length(levels) AS n,
        abs(sorted_levels[intDiv(n + 1, 2)] + sorted_levels[intDiv(n, 2) + 1]) / 2 AS size,
        -- variances within an order, each divided by the median of its distribution (Wilson and Hilferty 1931)
        arraySort(arrayMap(
            v -> arrayReduce('varSampStable', v) / pow(1 - 2 / (9 * (length(v) - 1)), 3),
            arrayFilter(v -> length(v) > 1, values_of)
        )) AS variances
    FROM samples_of AS s
    INNER JOIN places AS p ON p.order_id = s.order_id
    LEFT JOIN hashes AS h ON h.test_id = s.test_id AND h.order_id = s.order_id
    GROUP BY metric, test_id
),
-- a step of a series from one order to its next, relative to the size of the series
steps_of AS
(
    SELECT
        metric,
        test_id,
        n,
        size,
        counts[intDiv(length(counts), 2) + 1] AS samples_per_order,
        if(empty(variances), NULL, sqrt((variances[intDiv(length(variances) + 1, 2)] + variances[intDiv(length(variances), 2) + 1]) / 2)) AS within,
        step.1 AS from_place,
        step.2 AS to_place,
        step.3 AS change,
        step.4 AS is_same_code,
        if(size > 0, change / size, 0) AS share
    FROM series
    LEFT ARRAY JOIN arrayMap(
        (a, b, x, y, g, h) -> (a, b, y - x, toUInt8(g != '' AND g = h)),
        arrayPopBack(place_of), arrayPopFront(place_of), arrayPopBack(levels), arrayPopFront(levels), arrayPopBack(hash_of), arrayPopFront(hash_of)
    ) AS step
),
-- the same with what the series of the metric have in common between these two orders
moved AS
(
    SELECT
        *,
        if(to_place = 0, 0, count() OVER pair) AS together,
        if(together < 5, 0, quantileExactInclusive(0.5)(share) OVER pair) AS common
    FROM steps_of
    WINDOW pair AS (PARTITION BY metric, from_place, to_place)
),
-- a series again, with the spread of one order's level and of what is left of it without the common part
spreads AS
(
    SELECT
        metric,
        test_id,
        any(n) AS orders_seen,
        any(size) AS level,
        any(samples_per_order) AS usual_samples,
        any(within) AS within_spread,
        arraySort(groupArrayIf(abs(change), to_place > 0)) AS changes,
        arraySort(groupArrayIf(abs(share - common), to_place > 0 AND together >= 5)) AS rests,
        arraySort(groupArrayIf(abs(change), to_place > 0 AND is_same_code = 1)) AS controls,
        groupArrayIf((from_place, to_place, abs(common), together), to_place > 0 AND together >= 5) AS commons,
        length(changes) AS m,
        length(rests) AS k,
        length(controls) AS c,
        -- differences of neighbours: their median, or the mean of the smaller four fifths when ticks make that larger
        if(m < 3, NULL, greatest(
            (changes[intDiv(m + 1, 2)] + changes[intDiv(m, 2) + 1]) / 2 / 0.9539,
            arraySum(arraySlice(changes, 1, greatest(intDiv(m * 4, 5), 1))) / greatest(intDiv(m * 4, 5), 1) / 0.7788
        )) AS run_spread,
        if(k < 3, NULL, (rests[intDiv(k + 1, 2)] + rests[intDiv(k, 2) + 1]) / 2 / 0.9539) AS own_share,
        if(c < 3, NULL, greatest(
            (controls[intDiv(c + 1, 2)] + controls[intDiv(c, 2) + 1]) / 2 / 0.9539,
            arraySum(arraySlice(controls, 1, greatest(intDiv(c * 4, 5), 1))) / greatest(intDiv(c * 4, 5), 1) / 0.7788
        )) AS control_spread
    FROM moved
    GROUP BY metric, test_id
),
-- what the machine does to a metric, relative: the spread of the common part, less what a median of so many independent series shows
machine_parts AS
(
    SELECT
        metric,
        arraySort(arrayMap(p -> p.3, arrayDistinct(arrayFlatten(groupArray(commons)))) AS sizes) AS sorted_sizes,
        length(sizes) AS pairs,
        if(pairs < 3, NULL, (sorted_sizes[intDiv(pairs + 1, 2)] + sorted_sizes[intDiv(pairs, 2) + 1]) / 2 / 0.9539) AS spread,
        count(own_share) AS series_n,
        -- pi/2 of the squared harmonic mean of the series' own spreads, over their number
        if(minIf(own_share, own_share IS NOT NULL) = 0, 0, 1.5708 * pow(series_n / sumIf(1 / own_share, own_share > 0), 2) / series_n) AS chance,
        if(spread IS NULL, NULL, sqrt(greatest(spread * spread - chance, 0))) AS part
    FROM spreads
    GROUP BY metric
),
-- a series with all of it
answers AS
(
    SELECT
        s.metric AS metric,
        s.test_id AS test_id,
        s.orders_seen AS orders_seen,
        s.level AS level,
        s.usual_samples AS usual_samples,
        s.within_spread AS within_spread,
        s.run_spread AS run_spread,
        if(p.part IS NULL OR s.run_spread IS NULL, NULL, least(p.part * s.level, s.run_spread)) AS machine_spread,
        toUInt32(s.c) AS control_pairs,
        s.control_spread AS control_spread,
        -- what a difference of two levels must be, in spreads of one order's level
        greatest({min_t:Float64} * sqrt(2 / {side:UInt16}), {min_sigmas:Float64}) AS factor,
        -- a median of k samples has the variance of one over k, times pi/2 from three on
        if(usual_samples <= 2, 1, 1.5708) * within_spread * within_spread / usual_samples AS within_part,
        greatest(run_spread * run_spread - within_part, 0) AS between_part,
        -- what is left for the samples of an order when the goal is to be seen
        pow({goal:Float64} * level / factor, 2) - between_part AS room
    FROM spreads AS s
    INNER JOIN machine_parts AS p ON p.metric = s.metric
)
SELECT
    a.metric AS metric,
    a.test_id AS test_id,
    t.name AS test,
    toUInt32(a.orders_seen) AS orders,
    toUInt32(a.usual_samples) AS samples_per_order,
    a.level AS level,
    a.within_spread AS within_spread,
    a.run_spread AS run_spread,
    a.machine_spread AS machine_spread,
    if(a.run_spread IS NULL OR a.level = 0, NULL, greatest(a.factor * a.run_spread / a.level, {min_effect:Float64})) AS min_effect_seen,
    multiIf(
        a.run_spread IS NULL OR a.level = 0 OR {goal:Float64} < {min_effect:Float64}, NULL,
        min_effect_seen <= {goal:Float64} AND a.within_spread IS NULL, a.usual_samples,
        a.within_spread IS NULL OR a.room <= 0, NULL,
        greatest(1, ceil(if(a.within_spread * a.within_spread / a.room <= 2, 1, 1.5708) * a.within_spread * a.within_spread / a.room)) <= 1e6,
        toUInt64(greatest(1, ceil(if(a.within_spread * a.within_spread / a.room <= 2, 1, 1.5708) * a.within_spread * a.within_spread / a.room))),
        NULL
    ) AS samples_needed,
    multiIf(
        samples_needed IS NOT NULL, '',
        a.run_spread IS NULL OR a.level = 0, 'orders',
        a.within_spread IS NULL, 'samples',
        'runs'
    ) AS limited_by,
    a.control_pairs AS same_code_pairs,
    a.control_spread AS same_code_spread
FROM answers AS a
INNER JOIN
(
    SELECT test_id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String}
) AS t ON t.test_id = a.test_id
WHERE (empty({test_ids:Array(UInt32)}) OR has({test_ids:Array(UInt32)}, a.test_id))
    AND (a.metric, t.name) > ({above_metric:String}, {above_test:String})
ORDER BY metric, test
LIMIT {max_items:UInt64}
