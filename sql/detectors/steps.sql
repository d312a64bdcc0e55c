-- name: steps
-- purpose: at which orders does a series change its level for good, by more than its noise, its wander and its trend explain?
-- detector: steps
-- version: 2
-- params: penalty Float64, wander Float64, screen Float64, spike Float64, min_t Float64, min_jump Float64, min_line Float64, min_wander Float64, min_sigmas Float64, min_effect Float64, min_before UInt16, min_after UInt16, stretch UInt16, overlap UInt16, explain UInt8
-- param penalty: 3 [0.5, 100] what a further level must explain, in units of ln(number of points) times the variance of the noise
-- param wander: 1.1 [0, 10] share of the slow movement of the series that counts as noise in the penalty; 0 ignores it
-- param screen: 0.36 [0, 1] a level may begin where the means of 3, 6 or 16 points on both sides alone explain this share of the penalty
-- param spike: 4 [2, 1000000] an order further than this from the median of the five around it is judged as that median, in spreads
-- param min_t: 4.5 [0, 1000] least difference of the levels, in its standard errors; up to half more where a side has fewer than eight points
-- param min_jump: 3 [0, 1000] least difference that is left when both sides share a slope, in its standard errors
-- param min_line: 2 [-1000, 1000] how much better two levels must be than one straight line, in variances
-- param min_wander: 2.5 [0, 1000] least difference of the up to ten nearest points on both sides, in spreads of the same difference elsewhere in the part
-- param min_sigmas: 1.2 [0, 1000] least difference of the levels, in spreads of one order's level
-- param min_effect: 0.001 [0, 1000] least relative difference of the levels, 0.01 is one percent
-- param min_before: 5 [2, 1000] least points before the first change
-- param min_after: 3 [2, 1000] least points of a level
-- param stretch: 256 [32, 2000] places that are judged together
-- param overlap: 96 [8, 1000] further places on both sides of them that are looked at
-- rule: overlap <= stretch
-- preset coarse: min_t=3.5 min_jump=2 min_line=0 min_wander=2  for short series of coarse values, such as yearly ones: fewer looks, so weaker steps count
-- reach: stretch + overlap
-- source: optimal partitioning (Jackson and others 2005) with a penalty of c ln(n) variances (Yao 1988), spread from differences of neighbours (von Neumann 1941), standard errors inflated for lag-one correlation; the defaults are from the synthetic set (make bench-detect)
-- misses: bends, steps that take fewer than min_after orders to be undone, changes of spread alone, steps below min_sigmas spreads, the smaller of two steps fewer than about eight orders apart; a ramp over tens of orders that is steep against the noise is reported as one step or several
--
-- A series is cut at multiples of `stretch` places, and each such part is judged with
-- `overlap` more places on both sides, so that what is said of a place depends on its
-- part alone, however long the series is.
--
-- The levels are those that explain the points best at a price for each: the price
-- is the variance of neighbours' differences, raised to that of the means of 2, 4
-- and 8 neighbours where these move more than independent noise would (seasons, random
-- walks, trends). Then the weakest boundary is dropped until all that are left
-- are strong, and each is asked whether a line or a common slope explains it as well,
-- and whether the series moves as much elsewhere.
-- Sums are in units of the spread and from the part's first level on.
WITH
-- a part of a series: its points, and the points around it
parts AS
(
    SELECT
        series,
        any(bigger) AS bigger,
        part,
        arraySort(groupArray((place, level))) AS points_in_order,
        points_in_order.1 AS places,
        points_in_order.2 AS levels,
        length(levels) AS n
    FROM
    (
        SELECT
            series,
            place,
            level,
            bigger,
            intDiv(place, {stretch:UInt16}) AS own,
            place % {stretch:UInt16} AS within,
            arrayJoin(arrayFilter(
                p -> p >= 0,
                [toInt64(own), if(within < {overlap:UInt16}, toInt64(own) - 1, -1), if(within + {overlap:UInt16} >= {stretch:UInt16}, toInt64(own) + 1, -1)]
            )) AS part
        FROM points
    )
    GROUP BY series, part
    HAVING max(place) >= part * {stretch:UInt16}
),
-- the same with the sizes of the steps between neighbours, smallest first
steps_between AS
(
    SELECT
        *,
        arraySort(arrayMap((a, b) -> abs(a - b), arrayPopFront(levels), arrayPopBack(levels))) AS sizes,
        length(sizes) AS m,
        arrayFirst(v -> v > 0, sizes) AS smallest
    FROM parts
),
-- the same with the usual size, as a spread, and the largest that counts
usual_steps AS
(
    SELECT
        *,
        -- a coarse clock: the smallest size is that of several
        if(arrayCount(v -> v > 0 AND v <= 1.001 * smallest, sizes) >= 4, smallest, 0) AS tick,
        greatest(
            (sizes[greatest(intDiv(m + 1, 2), 1)] + sizes[greatest(intDiv(m + 2, 2), 1)]) / 2 / 0.9539,
            arraySum(arraySlice(sizes, 1, greatest(intDiv(m * 4, 5), 1))) / greatest(intDiv(m * 4, 5), 1) / 0.7788
        ) AS usual,
        greatest(4.2426 * usual, 1.01 * tick) AS most
    FROM steps_between
),
-- the same with the spread of one order's level, never less than what a double can tell apart
noise AS
(
    SELECT
        series,
        bigger,
        part,
        places,
        levels,
        n,
        greatest(
            usual,
            sqrt(arraySum(v -> least(v, most) * least(v, most), sizes) / greatest(m, 1) / 2),
            1e-9 * arraySum(v -> abs(v), levels) / n,
            1e-300
        ) AS sigma
    FROM usual_steps
),
-- the same with the pairs of neighbours on either side of each level, mirrored at the ends: the smaller ones' larger, the larger ones' smaller
neighbours AS
(
    SELECT
        *,
        arrayMap(
            (a, b, c, d) -> (greatest(least(a, b), least(c, d)), least(greatest(a, b), greatest(c, d))),
            arrayResize(arrayConcat([levels[3], levels[2]], arraySlice(levels, 1, -2)), n),
            arrayConcat([levels[2]], arrayPopBack(levels)),
            arrayConcat(arrayPopFront(levels), [levels[-2]]),
            arrayResize(arrayConcat(arraySlice(levels, 3), [levels[-2], levels[-3]]), n)
        ) AS around
    FROM noise
),
-- the same with the median of each five
middles AS
(
    SELECT
        *,
        arrayMap((v, pair) -> greatest(least(pair.1, pair.2), least(greatest(pair.1, pair.2), v)), levels, around) AS middle
    FROM neighbours
),
-- the same in spreads from the first level on, with single orders far off put back among their neighbours
smooth AS
(
    SELECT
        series,
        bigger,
        part,
        places,
        levels[1] AS base,
        n,
        sigma,
        arrayMap((v, m) -> (if(abs(v - m) > {spike:Float64} * sigma, m, v) - base) / sigma, levels, middle) AS y
    FROM middles
),
-- the same with running sums of the first k points in element k + 1: values, squares, values
-- times index, squares of the differences of neighbours
sums AS
(
    SELECT
        *,
        arrayPushFront(arrayCumSum(y), 0.) AS s,
        arrayPushFront(arrayCumSum(arrayMap(v -> v * v, y)), 0.) AS q,
        arrayPushFront(arrayCumSum(arrayMap((v, k) -> v * (k - 1), y, arrayEnumerate(y))), 0.) AS t,
        -- one longer, so that it can be read past its end
        arrayPushFront(arrayPushFront(arrayCumSum(arrayMap((a, b) -> (a - b) * (a - b), arrayPopFront(y), arrayPopBack(y))), 0.), 0.) AS u
    FROM smooth
),
-- the same with the price of a level
priced AS
(
    SELECT
        *,
        arrayMax(arrayMap(
            w -> if(n < 10 * w, 0, arrayReduce('median', arrayMap(
                (a, b, c) -> abs(a - 2 * b + c),
                arraySlice(s, 1, greatest(n + 1 - 2 * w, 0)),
                arraySlice(s, 1 + w, greatest(n + 1 - 2 * w, 0)),
                arraySlice(s, 1 + 2 * w)
            )) / 0.6745 / sqrt(2 * w)),
            [2, 4, 8]
        )) AS moves,
        {penalty:Float64} * log(n) * pow(greatest(1, {wander:Float64} * moves), 2) AS price
    FROM sums
),
-- the same with the places at which a level may begin: those where the means of 3, 6 or 16 points on both sides differ
maybes AS
(
    SELECT
        series,
        bigger,
        part,
        places,
        base,
        n,
        sigma,
        price,
        s,
        q,
        t,
        u,
        arrayMap(
            (k, c, b3, a3, b6, a6, b16, a16) -> toUInt8(
                k = 0 OR k = n OR (
                    k >= {min_after:UInt16} AND k + {min_after:UInt16} <= n AND (
                        abs((a3 - c) / (least(3, n - k) AS r3) - (c - b3) / (least(3, k) AS l3)) >= sqrt({screen:Float64} * price * (1 / r3 + 1 / l3))
                        OR abs((a6 - c) / (least(6, n - k) AS r6) - (c - b6) / (least(6, k) AS l6)) >= sqrt({screen:Float64} * price * (1 / r6 + 1 / l6))
                        OR abs((a16 - c) / (least(16, n - k) AS r16) - (c - b16) / (least(16, k) AS l16)) >= sqrt({screen:Float64} * price * (1 / r16 + 1 / l16))
                    )
                )
            ),
            range(n + 1),
            s,
            arrayConcat(arrayWithConstant(least(3, n), 0.), arraySlice(s, 1, greatest(n + 1 - 3, 1))),
            arrayConcat(arraySlice(s, least(4, n + 1)), arrayWithConstant(least(3, n), s[-1])),
            arrayConcat(arrayWithConstant(least(6, n), 0.), arraySlice(s, 1, greatest(n + 1 - 6, 1))),
            arrayConcat(arraySlice(s, least(7, n + 1)), arrayWithConstant(least(6, n), s[-1])),
            arrayConcat(arrayWithConstant(least(16, n), 0.), arraySlice(s, 1, greatest(n + 1 - 16, 1))),
            arrayConcat(arraySlice(s, least(17, n + 1)), arrayWithConstant(least(16, n), s[-1]))
        ) AS is_maybe
    FROM priced
),
-- the same with the cheapest levels: for each place that may begin one, which of those before it begins the level that ends there
cheapest AS
(
    SELECT
        *,
        arrayFilter((v, is) -> is, arrayZip(range(n + 1), s, q, t, u, arrayPopFront(arrayPushBack(u, 0.))), is_maybe) AS edges,
        arrayFold(
            (best, e) -> (
                arrayPushBack(best.1, arrayMin(arrayMap(
                    (start, before, g) -> if(
                        start + {min_after:UInt16} > e.1,
                        1e300,
                        g + e.3 - (e.2 - before) * (e.2 - before) / (e.1 - start)
                    ),
                    best.2, best.3, best.1
                ) AS costs) + price - e.3),
                arrayPushBack(best.2, e.1),
                arrayPushBack(best.3, e.2),
                arrayPushBack(best.4, toUInt32(indexOf(costs, arrayMin(costs))))
            ),
            arrayPopFront(edges),
            ([price], [edges[1].1], [0.], emptyArrayUInt32())
        ).4 AS begins
    FROM maybes
    WHERE {explain:UInt8} = 1 OR arraySum(is_maybe) > 2
),
-- the same with the edges of these levels, the part's own first and last
levelled AS
(
    SELECT
        * EXCEPT (edges, begins, is_maybe),
        arrayFilter(
            (e, is) -> is,
            edges,
            arrayPushFront(arrayReverse(arrayFold(
                (last, begin, k) -> if(k = last.1, (begin, arrayPushBack(last.2, toUInt8(1))), (last.1, arrayPushBack(last.2, toUInt8(0)))),
                arrayReverse(begins),
                arrayReverse(arrayMap(k -> toUInt32(k + 1), arrayEnumerate(begins))),
                (toUInt32(length(edges)), emptyArrayUInt8())
            ).2), toUInt8(1))
        ) AS cuts
    FROM cheapest
),
-- the same without the boundaries that are weak, the weakest dropped first
kept AS
(
    SELECT
        * EXCEPT (cuts),
        arrayFold(
            (held, round) -> arrayFilter(
                (e, k) -> k != if(length(held) > 2 AND arrayMin(arrayMap(
                    (l, e, r) -> if(
                        e.1 - l.1 < if(l.1 = 0, {min_before:UInt16}, {min_after:UInt16}) OR r.1 - e.1 < {min_after:UInt16},
                        0,
                        (abs((r.2 - e.2) / (r.1 - e.1 AS na) - (e.2 - l.2) / (e.1 - l.1 AS nb)) AS delta)
                        / sqrt(
                            greatest((greatest(r.3 - l.3 - pow(r.2 - e.2, 2) / na - pow(e.2 - l.2, 2) / nb, 0) AS rest) / greatest(na + nb - 2, 1), 0.5)
                            * (1 + (if(rest > 0, least(greatest(1 - (e.5 - l.6 + r.5 - e.6) / 2 / rest - 1 / sqrt(na + nb), 0), 0.9), 0) AS rho)) / (1 - rho)
                            * (1 / na + 1 / nb)
                        )
                        / greatest({min_t:Float64} * (1 + 0.1 * greatest(8 - toFloat64(least(na, nb)), 0)), 1e-9)
                    ),
                    arraySlice(held, 1, length(held) - 2),
                    arraySlice(held, 2, length(held) - 2),
                    arraySlice(held, 3)
                ) AS strengths) < 1, indexOf(strengths, arrayMin(strengths)) + 1, 0),
                held,
                arrayEnumerate(held)
            ),
            range(length(cuts) - 2),
            cuts
        ) AS edges
    FROM levelled
    WHERE {explain:UInt8} = 1 OR length(cuts) > 2
),
-- one row per boundary, or per place when everything is explained, with the edges to its left and right; [left, edge) and [edge, right) are its sides
places_asked AS
(
    SELECT
        series,
        bigger,
        part,
        places[e.1 + 1] AS place,
        base,
        sigma,
        price,
        has(edges.1, e.1) AS is_edge,
        arrayLast(x -> x.1 < e.1, edges) AS l,
        e,
        arrayFirst(x -> x.1 > e.1, edges) AS r,
        toFloat64(e.1) - l.1 AS nb,
        toFloat64(r.1) - e.1 AS na,
        nb + na AS points_n,
        l.1 = 0 AS is_first,
        s,
        n,
        arrayPushBack(arraySlice(edges.1, 2, length(edges) - 2), e.1) AS others,
        toInt64(least(na, nb, 10)) AS near
    FROM kept
    ARRAY JOIN if(
        {explain:UInt8} = 1,
        arrayPopBack(arrayZip(range(n + 1), s, q, t, u, arrayPopFront(arrayPushBack(u, 0.)))),
        arraySlice(edges, 2, length(edges) - 2)
    ) AS e
    WHERE place >= part * {stretch:UInt16} AND place < (part + 1) * {stretch:UInt16}
),
-- the same with how far the means of `near` points on both sides differ elsewhere, away from every boundary
elsewhere AS
(
    SELECT
        * EXCEPT (s, n, others),
        abs(s[e.1 + 1 + near] - 2 * s[e.1 + 1] + s[e.1 + 1 - near]) AS here,
        arrayFilter(
            (v, k) -> NOT arrayExists(o -> abs(toInt64(o) - toInt64(k)) < near, others),
            arrayMap(
                (a, b, c) -> abs(a - 2 * b + c),
                arraySlice(s, 1, n + 1 - 2 * near),
                arraySlice(s, 1 + near, n + 1 - 2 * near),
                arraySlice(s, 1 + 2 * near)
            ),
            range(toUInt32(near), toUInt32(n + 1 - near))
        ) AS differences
    FROM places_asked
),
-- the same with the levels on both sides
means AS
(
    SELECT
        * EXCEPT (differences),
        -- too few to tell let it pass
        if(length(differences) < 5, 1e9, here / greatest(arrayReduce('median', differences) / 0.6745, 1e-9)) AS apart,
        (e.2 - l.2) / greatest(nb, 1) AS mean_before,
        (r.2 - e.2) / na AS mean_after,
        1 / na + 1 / greatest(nb, 1) AS weight,
        (l.1 + e.1 - 1) / 2 AS middle_before,
        (e.1 + r.1 - 1) / 2 AS middle_after,
        greatest((pow(nb, 3) - nb + pow(na, 3) - na) / 12, 1e-9) AS width
    FROM elsewhere
),
-- the same with what is left around the levels, around a slope that both sides share, and around one line through both
rests AS
(
    SELECT
        *,
        mean_after - mean_before AS delta,
        middle_after - middle_before AS distance,
        greatest(points_n - 2, 1) AS freedom,
        greatest(r.3 - l.3 - (e.2 - l.2) * mean_before - (r.2 - e.2) * mean_after, 0) AS rest,
        ((e.4 - l.4) - middle_before * (e.2 - l.2) + (r.4 - e.4) - middle_after * (r.2 - e.2)) / width AS slope,
        r.3 - l.3 - pow(r.2 - l.2, 2) / points_n
            - pow(r.4 - l.4 - (l.1 + r.1 - 1) / 2 * (r.2 - l.2), 2) / greatest((pow(points_n, 3) - points_n) / 12, 1e-9) AS line_rest
    FROM means
),
-- the same with errors
errors AS
(
    SELECT
        *,
        if(rest > 0, least(greatest(1 - (e.5 - l.6 + r.5 - e.6) / 2 / rest - 1 / sqrt(points_n), 0), 0.9), 0) AS correlation,
        sqrt(greatest((rest - slope * slope * width) / greatest(points_n - 3, 1) * (weight + distance * distance / width), 1e-12)) AS jump_error,
        base + sigma * mean_before AS level_before,
        base + sigma * mean_after AS level_after
    FROM rests
),
-- the same with levels in the series' unit; one of nothing but rounding is zero
measured AS
(
    SELECT
        *,
        sqrt(greatest(rest / freedom, 0.5) * (1 + correlation) / (1 - correlation) * weight) AS standard_error,
        if(abs(level_before) <= 1e-9 * sigma OR abs(level_before) <= 1e-12 * abs(level_after), 0, level_before) AS before,
        if(abs(level_after) <= 1e-9 * sigma OR abs(level_after) <= 1e-12 * abs(level_before), 0, level_after) AS after
    FROM errors
),
-- the same with effect and statistic
effects AS
(
    SELECT
        *,
        abs(delta) / standard_error AS statistic,
        if(before = 0, sign(after), (after - before) / abs(before)) AS effect,
        if(before = 0, 0, (1.96 + 2.4 / freedom) * standard_error * sigma / abs(before)) AS margin
    FROM measured
),
-- the same with the rules, in their order
judged AS
(
    SELECT
        *,
        [
            ('before', nb, toFloat64(if(is_first, {min_before:UInt16}, {min_after:UInt16}))),
            ('after', na, toFloat64({min_after:UInt16})),
            ('price', delta * delta / weight, price),
            ('strength', statistic, {min_t:Float64} * (1 + 0.1 * greatest(8 - least(na, nb), 0))),
            ('sigmas', abs(delta), {min_sigmas:Float64}),
            ('effect', abs(effect), {min_effect:Float64}),
            ('line', (line_rest - rest) * freedom / greatest(rest, 1e-9), {min_line:Float64}),
            ('jump', (delta - slope * distance) * sign(delta) / jump_error, {min_jump:Float64}),
            ('wander', apart, {min_wander:Float64}),
            ('best', toFloat64(is_edge), 1.)
        ] AS rules
    FROM effects
),
-- the same with what each said
said AS
(
    SELECT
        *,
        arrayMap(c -> (c.1, c.2, c.3, toUInt8(c.2 >= c.3)), rules)::Array(Tuple(name String, value Float64, threshold Float64, passed UInt8)) AS checks
    FROM judged
)
SELECT
    series,
    place,
    if(delta >= 0, 'up', 'down') AS direction,
    if((delta >= 0) = (bigger = 1), 'improvement', 'regression') AS kind,
    before,
    after,
    sigma * sqrt(rest / freedom) AS spread,
    toFloat64(effect) AS effect,
    effect - margin AS effect_low,
    effect + margin AS effect_high,
    statistic,
    -- normal deviate of a t value: Wallace 1959, Bounds on normal approximations to Student's
    erfc(sqrt(freedom * log1p(statistic * statistic / freedom)) * (8 * freedom + 1) / (8 * freedom + 3) / sqrt(2)) AS p_value,
    checks,
    arrayFirst(c -> c.passed = 0, checks).name AS stopped_by
FROM said
WHERE {explain:UInt8} = 1 OR stopped_by = ''
ORDER BY series, place
SETTINGS max_block_size = 1024
