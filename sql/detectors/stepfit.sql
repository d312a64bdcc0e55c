-- name: stepfit
-- purpose: at which places does the middle of a window look like a step, by one statistic of choice?
-- detector: stepfit
-- version: 1
-- params: radius UInt16, statistic String, interesting Float64, floor Float64, min_pct Float64, explain UInt8
-- param radius: 7 [2, 100] orders before a place that are compared with as many, and one more, from it on
-- param statistic: cohen {absolute|percent|cohen|mannwhitney|stepiness} what is measured of the step
-- param interesting: 3 [0, 1e300] what the statistic must reach: a difference in the series' unit, percent, spreads, or a stepiness up to 1; for mannwhitney the greatest p-value
-- param floor: 0.001 [0, 1] least spread assumed, as a share of the greater level: for cohen
-- param min_pct: 0 [0, 1000000] least change of the mean, in percent of the earlier mean; 0 is no bound
-- preset absolute: statistic=absolute interesting=1  a difference of one unit
-- preset percent: statistic=percent interesting=10  ten percent
-- preset mannwhitney: statistic=mannwhitney interesting=0.001  ranks alone, whatever the noise looks like
-- preset stepiness: statistic=stepiness interesting=0.5  the share of the deviation that the step explains
-- reach: whole
-- source: Skia Perf's step detection (stepfit); radius and statistics are its own, the floor is relative here
-- misses: steps within radius orders of either end; the lesser of two steps within a window; drift looks like a step
--
-- With y0 the mean of the radius orders before a place and y1 that of radius + 1 from it on:
--
--     absolute     |y1 - y0|
--     percent      100 |y1 - y0| / |y0|
--     cohen        |y1 - y0| / mean of both standard deviations, at least floor * max(|y0|, |y1|)
--     mannwhitney  p-value of the two-sided rank test
--     stepiness    1 - sqrt((SSE0 + SSE1) / SSE), SSE around the two means and around one
--
-- Places side by side that are interesting in one direction are one step: it is where the
-- statistic is best, of equals where the difference is greatest, of those the first. A
-- long drift can chain any number of places, so what is said of one may hang on the whole
-- series. The p-value is 1 unless the statistic is mannwhitney; the interval of effect is
-- effect itself.
WITH
-- the levels for each piece of the series whose windows see them: a window keeps its memory until its partition ends
pieces AS
(
    SELECT
        series,
        place,
        arrayJoin(arrayDistinct([
            toInt64(intDiv(place, 4096)),
            toInt64(intDiv(place + {radius:UInt16}, 4096)),
            toInt64(intDiv(greatest(toInt64(place) - {radius:UInt16}, 0), 4096))
        ])) AS piece,
        bigger,
        level
    FROM points
),
frames AS
(
    SELECT
        series,
        place,
        piece,
        bigger,
        groupArray(level) OVER before AS levels_before,
        groupArray(level) OVER after AS levels_after,
        count() OVER before AS n_before,
        count() OVER after AS n_after
    FROM pieces
    WINDOW
        before AS (PARTITION BY series, piece ORDER BY place ROWS BETWEEN {radius:UInt16} PRECEDING AND 1 PRECEDING),
        after AS (PARTITION BY series, piece ORDER BY place ROWS BETWEEN CURRENT ROW AND {radius:UInt16} FOLLOWING)
),
-- a place with what the statistics are made of; sums are of offsets from its level
fitted AS
(
    SELECT
        series,
        place,
        bigger,
        n_before = {radius:UInt16} AND n_after = {radius:UInt16} + 1 AS is_full,
        levels_after[1] AS zero,
        arrayMap(x -> x - zero, if(n_before > 0, levels_before, levels_after)) AS left,
        arrayMap(x -> x - zero, levels_after) AS right,
        arrayAvg(left) AS left_mean,
        arrayAvg(right) AS right_mean,
        right_mean - left_mean AS delta,
        zero + left_mean AS before,
        zero + right_mean AS after,
        arraySum(x -> (x - left_mean) * (x - left_mean), left) AS left_sse,
        arraySum(x -> (x - right_mean) * (x - right_mean), right) AS right_sse,
        -- around one mean: what is around both, and what lies between them
        left_sse + right_sse + delta * delta * length(left) * length(right) / (length(left) + length(right)) AS sse,
        sqrt(left_sse / greatest(length(left) - 1, 1)) AS left_spread,
        sqrt(right_sse / greatest(length(right) - 1, 1)) AS right_spread,
        sqrt((left_sse + right_sse) / greatest(length(left) + length(right) - 2, 1)) AS spread,
        multiIf(delta = 0, 0, before = 0, sign(delta), delta / abs(before)) AS effect,
        if({statistic:String} = 'mannwhitney' AND is_full AND delta != 0, ifNotFinite(arrayReduce(
            'mannWhitneyUTest(''two-sided'')',
            if(is_full AND delta != 0, arrayConcat(left, right), [0., 1.]),
            if(is_full AND delta != 0, arrayResize(arrayWithConstant(length(left), 0), length(left) + length(right), 1), [0, 1])
        ).2, 1), 1.) AS p_value
    FROM frames
    WHERE piece = intDiv(place, 4096)
),
scored AS
(
    SELECT
        *,
        multiIf(
            delta = 0, 0.,
            {statistic:String} = 'absolute', abs(delta),
            {statistic:String} = 'percent', 100 * abs(effect),
            {statistic:String} = 'cohen', abs(delta) / greatest((left_spread + right_spread) / 2, {floor:Float64} * greatest(abs(before), abs(after)), 1e-300),
            {statistic:String} = 'stepiness', 1 - sqrt((left_sse + right_sse) / sse),
            0.
        ) AS plain,
        {statistic:String} = 'mannwhitney' AS by_rank,
        is_full AND delta != 0 AND if(by_rank, p_value <= {interesting:Float64}, plain >= {interesting:Float64}) AS is_interesting,
        if(is_interesting, if(delta > 0, 1, -1), 0) AS side
    FROM fitted
),
-- the same with the stretch of interesting places each is part of: side by side, in one direction
stretches AS
(
    SELECT
        *,
        toInt64(place) - row_number() OVER (PARTITION BY series, side ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
    FROM scored
    WHERE is_interesting OR {explain:UInt8} = 1
),
peaks AS
(
    SELECT
        *,
        max((if(by_rank, -p_value, plain), abs(delta), -toInt64(place))) OVER (PARTITION BY series, side, stretch) AS best
    FROM stretches
),
judged AS
(
    SELECT
        *,
        [
            ('window', toFloat64(is_full), 1., toUInt8(is_full)),
            ({statistic:String}, if(by_rank, p_value, plain), {interesting:Float64}, toUInt8(is_interesting)),
            ('peak', if(by_rank, p_value, plain), abs(best.1), toUInt8(best.3 = -toInt64(place))),
            ('min_pct', 100 * abs(effect), {min_pct:Float64}, toUInt8(100 * abs(effect) >= {min_pct:Float64}))
        ]::Array(Tuple(name String, value Float64, threshold Float64, passed UInt8)) AS checks
    FROM peaks
)
SELECT
    series,
    place,
    if(delta >= 0, 'up', 'down') AS direction,
    if((direction = 'up') = (bigger = 1), 'improvement', 'regression') AS kind,
    before,
    after,
    spread,
    toFloat64(effect) AS effect,
    toFloat64(effect) AS effect_low,
    toFloat64(effect) AS effect_high,
    if(by_rank, p_value, plain) AS statistic,
    p_value,
    checks,
    arrayFirst(c -> c.passed = 0, checks).name AS stopped_by
FROM judged
WHERE {explain:UInt8} = 1 OR stopped_by = ''
ORDER BY series, place
SETTINGS max_block_size = 8192
