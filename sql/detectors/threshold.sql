-- name: threshold
-- purpose: does a series pass a fixed bound, or move by more than a fixed share from one order to the next? For budgets.
-- detector: threshold
-- version: 1
-- params: upper Float64, lower Float64, percent Float64, hold UInt16, explain UInt8
-- param upper: 1e308 [-1e308, 1e308] greatest level allowed, in the unit of the series; 1e308 is no bound
-- param lower: -1e308 [-1e308, 1e308] least level allowed, in the unit of the series; -1e308 is no bound
-- param percent: 10 [0, 1000000] greatest change allowed from one order to the next, in percent of the earlier level; 0 is no bound
-- param hold: 1 [1, 1000] orders for which a level must stay beyond before it counts
-- rule: lower <= upper
-- preset budget: percent=0  bounds alone: with upper or lower set to the budget
-- reach: hold + 1
-- source: the static and percentage thresholds of Bencher, as its manual describes them
-- misses: everything below its bounds, however sure; noise that is wider than them is reported each time
--
-- A level is beyond when it is above upper, below lower, or further than percent
-- from the level before the stretch. It is reported where a stretch of `hold` such
-- orders begins: the order before it was within bounds, or there was none. A level
-- that is exactly at a bound is within it. For percent the level before the stretch
-- is what all of its orders are compared with, so a step is reported once.
-- There is no test behind it: p_value is 1, the interval of effect is effect itself,
-- statistic is the change in percent.
WITH
-- each place with the level before it and the `hold` levels from it on
stretches AS
(
    SELECT
        series,
        place,
        level,
        bigger,
        lagInFrame(level, 1, level) OVER whole AS previous,
        row_number() OVER whole > 1 AS has_previous,
        groupArray(level) OVER held AS ahead
    FROM points
    WINDOW
        whole AS (PARTITION BY series ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
        held AS (PARTITION BY series ORDER BY place ROWS BETWEEN CURRENT ROW AND {hold:UInt16} - 1 FOLLOWING)
),
-- the same with what lies beyond each bound
measured AS
(
    SELECT
        *,
        toFloat64(length(ahead)) AS held,
        arrayMin(ahead) AS least_level,
        arrayMax(ahead) AS greatest_level,
        least_level > {upper:Float64} AND (NOT has_previous OR previous <= {upper:Float64}) AS is_above,
        greatest_level < {lower:Float64} AND (NOT has_previous OR previous >= {lower:Float64}) AS is_below,
        {percent:Float64} / 100 * abs(previous) AS allowed,
        {percent:Float64} > 0 AND has_previous AND (least_level > previous + allowed OR greatest_level < previous - allowed) AS is_moved,
        multiIf(level = previous, 0, previous = 0, sign(level - previous), (level - previous) / abs(previous)) AS change
    FROM stretches
),
-- the same with the rules, in their order
judged AS
(
    SELECT
        *,
        least_level > previous AS rises,
        [
            ('held', held, toFloat64({hold:UInt16}), toUInt8(held >= {hold:UInt16})),
            (
                'beyond',
                multiIf(is_above, least_level, is_below, greatest_level, change * 100),
                multiIf(is_above, {upper:Float64}, is_below, {lower:Float64}, {percent:Float64}),
                toUInt8(is_above OR is_below OR is_moved)
            )
        ]::Array(Tuple(name String, value Float64, threshold Float64, passed UInt8)) AS checks
    FROM measured
)
SELECT
    series,
    place,
    if(is_above OR (NOT is_below AND change >= 0), 'up', 'down') AS direction,
    if((direction = 'up') = (bigger = 1), 'improvement', 'regression') AS kind,
    previous AS before,
    level AS after,
    0. AS spread,
    toFloat64(change) AS effect,
    effect AS effect_low,
    effect AS effect_high,
    effect * 100 AS statistic,
    1. AS p_value,
    checks,
    arrayFirst(c -> c.passed = 0, checks).name AS stopped_by
FROM judged
WHERE {explain:UInt8} = 1 OR stopped_by = ''
ORDER BY series, place
