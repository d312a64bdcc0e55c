-- name: perfherder
-- purpose: where would Mozilla's Perfherder raise an alert?
-- detector: perfherder
-- version: 1
-- params: t Float64, back_min UInt16, back_max UInt16, fore UInt16, min_pct Float64, explain UInt8
-- param t: 7 [0, 1000] t-value that must be passed
-- param back_min: 12 [1, 200] values before a place that are needed, and orders of the back window right after an alert
-- param back_max: 24 [1, 200] values, and orders, at which the back window stops growing
-- param fore: 12 [1, 200] values from a place on
-- param min_pct: 2 [0, 1000000] least change of the mean, in percent of the earlier mean; 0 is no bound
-- rule: back_min <= back_max
-- reach: whole
-- source: Mozilla Perfherder (treeherder, perfalert: detect_changes, and the cut in perf/alerts); defaults are its own
-- misses: anything with fewer than `fore` values after it; changes below min_pct; small steps in noise, as t is high; the second of two steps within a window
--
-- At each place the values before it are compared with the values from it on:
--
--     t = |mean_w(after) - mean_w(before)| / sqrt(var(before)/n(before) + var(after)/n(after))
--
-- mean_w weighs the k-th of n orders, counted from the place outwards, with (n-k+1)/n;
-- var is the sum of squares around that mean by n-1, 0 for one value. t is 0 when the
-- means are equal, and without bound when they are not and neither side varies.
--
-- The fore window takes orders until it has `fore` values. The back window takes
-- orders until it has `back_max` values or w orders, where w is the number of orders
-- since t was last passed, but at least back_min and at most back_max. A place is
-- reported when both windows are full, t is passed, neither neighbour's t is larger
-- and the change reaches min_pct.
--
-- How wide a back window is hangs on what was passed before, so places cannot be
-- judged apart. But t is known for every width w may have; where all widths agree, or
-- where nothing was passed for back_max orders at any width, what came before no
-- longer matters: the series falls into short stretches that are walked one by one.
--
-- Sums are taken relative to a value of their own window: levels far from zero lose
-- nothing, and t between equal values is 0. (In Perfherder what rounding leaves there
-- can pass a t below 6.) Statistics without bound are given as 1e9. There is no p-value: it is 1, and
-- the interval of effect is effect itself. Small blocks bound its memory: a row holds
-- some thirty short arrays on its way.
WITH
-- the samples of an order, relative to the least of them, for each piece of the series whose windows see it:
-- a window keeps its memory until its partition ends, and a series may have a million orders
pieces AS
(
    SELECT
        series,
        place,
        arrayJoin(arrayDistinct([
            toInt64(intDiv(place, 4096)),
            toInt64(intDiv(place + {back_max:UInt16}, 4096)),
            toInt64(intDiv(greatest(toInt64(place) - {fore:UInt16} + 1, 0), 4096))
        ])) AS piece,
        bigger,
        toFloat64(length(values)) AS n,
        arrayMin(values) AS least_value,
        arraySort(arrayMap(x -> x - least_value, values)) AS offsets,
        arraySum(offsets) AS offset_sum,
        arraySum(x -> x * x, offsets) AS offset_squares
    FROM points
),
-- a place with the orders before it and from it on
frames AS
(
    SELECT
        series,
        place,
        piece,
        bigger,
        groupArray(n) OVER before AS back_n,
        groupArray(least_value) OVER before AS back_least,
        groupArray(offset_sum) OVER before AS back_sum,
        groupArray(offset_squares) OVER before AS back_squares,
        groupArray(n) OVER after AS fore_n,
        groupArray(least_value) OVER after AS fore_least,
        groupArray(offset_sum) OVER after AS fore_sum,
        groupArray(offset_squares) OVER after AS fore_squares
    FROM pieces
    WINDOW
        before AS (PARTITION BY series, piece ORDER BY place ROWS BETWEEN {back_max:UInt16} PRECEDING AND 1 PRECEDING),
        after AS (PARTITION BY series, piece ORDER BY place ROWS BETWEEN CURRENT ROW AND {fore:UInt16} - 1 FOLLOWING)
),
-- the same as running sums outwards from the place: values, their sum, sum of squares, weights and weighted sum.
-- The weights of n orders are n, n-1, … 1 times the same, so weighted sums are sums of sums
sums AS
(
    SELECT
        series,
        place,
        bigger,
        fore_least[1] AS fore_zero,
        arrayCumSum(fore_n) AS fore_counts,
        arrayFirstIndex(c -> c >= {fore:UInt16}, fore_counts) AS fore_full,
        if(fore_full > 0, fore_full, length(fore_counts)) AS fore_width,
        arrayCumSum(arrayMap((n, s, v) -> s + n * (v - fore_zero), fore_n, fore_sum, fore_least)) AS fore_sums,
        arrayCumSum(arrayMap((n, s, q, v) -> q + (v - fore_zero) * (2 * s + n * (v - fore_zero)), fore_n, fore_sum, fore_squares, fore_least))[fore_width] AS fore_square,
        arraySum(arraySlice(fore_sums, 1, fore_width)) / arraySum(arraySlice(fore_counts, 1, fore_width)) AS fore_mean,
        fore_counts[fore_width] AS fore_count,
        fore_sums[fore_width] AS fore_total,
        if(fore_count > 1, greatest(fore_square - fore_mean * (2 * fore_total - fore_count * fore_mean), 0) / (fore_count - 1), 0) AS fore_var,
        arrayReverse(back_least) AS near_least,
        arrayReverse(back_sum) AS near_sum,
        arrayReverse(back_n) AS near_n,
        near_least[1] AS back_zero,
        arrayCumSum(near_n) AS back_counts,
        arrayCumSum(arrayMap((n, s, v) -> s + n * (v - back_zero), near_n, near_sum, near_least)) AS back_sums,
        arrayCumSum(arrayMap((n, s, q, v) -> q + (v - back_zero) * (2 * s + n * (v - back_zero)), near_n, near_sum, arrayReverse(back_squares), near_least)) AS back_square,
        arrayMap((s, c) -> s / c, arrayCumSum(back_sums), arrayCumSum(back_counts)) AS back_mean,
        arrayFirstIndex(c -> c >= {back_max:UInt16}, back_counts) AS back_full,
        if(back_full > 0, back_full, length(back_counts)) AS back_width,
        least({back_min:UInt16}, back_width) AS first_width
    FROM frames
    WHERE piece = intDiv(place, 4096)
),
-- the same with t and the variance for each width of the back window, from the least to the greatest
scored AS
(
    SELECT
        *,
        arrayMap(
            (count, total, square, mean) -> if(count > 1, greatest(square - mean * (2 * total - count * mean), 0) / (count - 1), 0),
            back_counts, back_sums, back_square, back_mean
        ) AS back_var,
        arraySlice(arrayMap(
            (count, mean, var) -> if(
                (fore_zero - back_zero) + (fore_mean - mean) = 0,
                0.,
                abs((fore_zero - back_zero) + (fore_mean - mean)) / sqrt(var / count + fore_var / fore_count)
            ),
            back_counts, back_mean, back_var
        ), first_width, back_width - first_width + 1) AS ts,
        arrayExists(x -> x > {t:Float64}, ts) AS may_pass,
        may_pass AND arrayAll(x -> x > {t:Float64}, ts) AS must_pass
    FROM sums
),
-- places that may pass t, or all of them, with the nearest one before that may: twice its place, and one more if it must
candidates AS
(
    SELECT
        series,
        toInt64(place) AS at,
        (
            at, ts, bigger, fore_count, fore_zero + fore_total / fore_count, fore_var,
            arraySlice(back_counts, first_width, back_width - first_width + 1),
            arraySlice(back_sums, first_width, back_width - first_width + 1),
            arraySlice(back_var, first_width, back_width - first_width + 1),
            back_zero
        ) AS candidate,
        max(if(may_pass, 2 * at + must_pass, 0)) OVER (PARTITION BY series ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS nearest
    FROM scored
    WHERE may_pass OR {explain:UInt8} = 1
),
-- the same in stretches that can be walked by themselves
stretches AS
(
    SELECT
        series,
        intDiv(nearest, 2) AS last_pass,
        candidate,
        sum(last_pass = 0 OR nearest % 2 = 1 OR at - last_pass > {back_max:UInt16}) OVER (PARTITION BY series ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
    FROM candidates
),
walks AS
(
    SELECT
        series,
        arraySort(c -> c.1, groupArray(candidate)) AS members,
        -- where t was passed last, before each member
        arrayFold(
            (state, at, ts) -> (
                if(
                    ts[toInt64(least(greatest(least(at - state.1 - 1, {back_max:UInt16}) - {back_min:UInt16}, 0) + 1, length(ts)))] > {t:Float64},
                    at,
                    state.1
                ),
                arrayPushBack(state.2, state.1)
            ),
            arrayMap(c -> c.1, members),
            arrayMap(c -> c.2, members),
            (min(last_pass)::Int64, []::Array(Int64))
        ).2 AS passes
    FROM stretches
    GROUP BY series, stretch
),
-- a place with the width it has
walked AS
(
    SELECT
        series,
        member.1 AS at,
        least(greatest(least(at - pass - 1, {back_max:UInt16}) - {back_min:UInt16}, 0) + 1, length(member.2))::Int64 AS width,
        member.2[width] AS t_value,
        member.3 AS bigger,
        member.4 AS fore_count,
        member.5 AS after,
        member.6 AS fore_var,
        member.7[width] AS back_count,
        if(back_count > 0, member.10 + member.8[width] / back_count, after) AS before,
        member.9[width] AS back_var
    FROM walks
    ARRAY JOIN members AS member, passes AS pass
),
-- the same with its neighbours; one that is not here did not pass
neighbours AS
(
    SELECT
        *,
        if(lagInFrame(at, 1, -1) OVER whole = at - 1, lagInFrame(t_value) OVER whole, 0) AS left_t,
        if(leadInFrame(at, 1, -1) OVER whole = at + 1, leadInFrame(t_value) OVER whole, 0) AS right_t
    FROM walked
    WINDOW whole AS (PARTITION BY series ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
),
judged AS
(
    SELECT
        *,
        multiIf(after = before, 0, before = 0, sign(after - before), (after - before) / abs(before)) AS effect,
        if(before = 0, 0, 100 * abs(effect)) AS percent,
        [
            ('values_before', back_count, toFloat64({back_min:UInt16}), toUInt8(back_count >= {back_min:UInt16})),
            ('values_after', fore_count, toFloat64({fore:UInt16}), toUInt8(fore_count >= {fore:UInt16})),
            ('t', least(t_value, 1e9), {t:Float64}, toUInt8(t_value > {t:Float64})),
            ('peak_left', least(left_t, 1e9), least(t_value, 1e9), toUInt8(left_t <= t_value)),
            ('peak_right', least(right_t, 1e9), least(t_value, 1e9), toUInt8(right_t <= t_value)),
            ('min_pct', percent, {min_pct:Float64}, toUInt8(percent >= {min_pct:Float64}))
        ]::Array(Tuple(name String, value Float64, threshold Float64, passed UInt8)) AS checks
    FROM neighbours
)
SELECT
    series,
    toUInt32(at) AS place,
    if(after >= before, 'up', 'down') AS direction,
    if((direction = 'up') = (bigger = 1), 'improvement', 'regression') AS kind,
    before,
    after,
    sqrt((fore_var * (fore_count - 1) + back_var * greatest(back_count - 1, 0)) / greatest(fore_count + back_count - 2, 1)) AS spread,
    effect,
    effect AS effect_low,
    effect AS effect_high,
    least(t_value, 1e9) AS statistic,
    1. AS p_value,
    checks,
    arrayFirst(c -> c.passed = 0, checks).name AS stopped_by
FROM judged
WHERE {explain:UInt8} = 1 OR stopped_by = ''
ORDER BY series, place
SETTINGS max_block_size = 8192
