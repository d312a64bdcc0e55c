-- name: otava
-- purpose: into which stretches of equal level does a series fall?
-- detector: otava
-- version: 1
-- params: window UInt16, p Float64, magnitude Float64, explain UInt8
-- param window: 50 [10, 200] orders that are split at a time; windows overlap by half
-- param p: 0.001 [1e-12, 0.5] p-value that a change must stay below
-- param magnitude: 0 [0, 1000] relative change that a change must exceed, in either direction: 0.05 is five percent
-- preset coarse: p=0.0001 magnitude=0.05  changes of five percent and more
-- reach: whole
-- source: Apache Otava, formerly Hunter (Fleming et al. 2023, doi 10.1145/3578244.3583719); energy statistic of Matteson and James 2014; t by Hill 1970, CACM algorithm 395
-- misses: one of two changes a few orders apart; nothing that is sure is too small for it unless magnitude says so; drift is cut into steps
--
-- Split: in each window the place that parts it best is where
--
--     q = 2/(n+m) A - 2m/((n+m)(n-1)) B - 2n/((n+m)(m-1)) C
--
-- is largest, A the sum of |x - y| between n levels before and m from it on, B and C the sums
-- over the pairs within them. It is kept when Student's t between both sides says
-- no more than ten times p (twice from 0.05 on); then both parts are cut in the same way.
--
-- Merge: the places of all windows cut the series. A cut whose p-value is not below p is taken out
-- when neither neighbour is worse, and its neighbours are tested anew over what they
-- now part; one whose change is not above `magnitude` in the same way, after those.
--
-- Four things differ from Otava. Its next window begins at the last place found, here
-- windows stand at every half window, whatever was found: so a late value cannot move
-- them all. A place is sought over its whole stretch, as in Hunter, not over each
-- beginning of it. One stretch that cannot be cut does not keep others from it. And cuts
-- that are no neighbours are taken out side by side: a far part of the series has no
-- say. As there, deviations go by n, not n - 1.
--
-- Spread goes by n - 1; the interval of effect is that of the difference of means.
WITH
-- two-sided p-value of t with n degrees of freedom: exact up to four, then by its normal deviate
(t, n) -> multiIf(
    n <= 0, 1.,
    (least(abs(t), 1e8) AS x) = 0, 1.,
    n = 1, 1 - 2 / pi() * atan(x),
    n = 2, 1 - x / sqrt(2 + x * x),
    n = 3, 1 - 2 / pi() * (atan(x / sqrt(3)) + x / sqrt(3) / (1 + x * x / 3)),
    n = 4, 1 - x / sqrt(4 + x * x) * (1 + 2 / (4 + x * x)),
    erfc((
        (((((-0.4 * ((n - 0.5) * log1p(x * x / n) AS y) - 3.3) * y - 24) * y - 85.5) / (0.8 * y * y + 100 + 48 * (n - 0.5) * (n - 0.5)) + y + 3)
            / (48 * (n - 0.5) * (n - 0.5)) + 1) * sqrt(y)
    ) / sqrt(2))
) AS student_p,
-- t between two sides of n levels with a mean and a mean square deviation each; without deviation 1e9
(n1, mean1, square1, n2, mean2, square2) -> multiIf(
    mean1 = mean2 OR n1 + n2 <= 2, 0.,
    ((n1 - 1) * square1 + (n2 - 1) * square2 AS squares) <= 0, 1e9,
    least(abs(mean2 - mean1) / sqrt(squares / (n1 + n2 - 2) * (1 / n1 + 1 / n2)), 1e9)
) AS student_t,
-- relative change, forwards or backwards, whichever is greater
(mean1, mean2) -> multiIf(mean1 = mean2, 0., mean1 = 0 OR mean2 = 0, 1., abs(mean2 - mean1) / least(abs(mean1), abs(mean2))) AS relative,
if({p:Float64} < 0.05, 10, 2) * {p:Float64} AS loose_p,
-- the series in overlapping windows, each to be cut
-- the series in overlapping windows, each to be cut
-- the series in overlapping windows, each to be cut
-- the series in overlapping windows, each to be cut
-- the series in overlapping windows, each to be cut
windows AS
(
    SELECT
        series,
        any(bigger) AS bigger,
        min(place) AS first,
        arraySort((x, at) -> at, groupArray(level), groupArray(place)) AS levels,
        intDiv({window:UInt16}, 2)::Int64 AS own,
        0 AS is_cut
    FROM
    (
        SELECT
            series,
            toInt64(place) AS place,
            level,
            bigger,
            arrayJoin(arrayFilter(
                k -> k >= 0 AND place < k * intDiv({window:UInt16}, 2) + {window:UInt16},
                arrayMap(back -> toInt64(intDiv(place, intDiv({window:UInt16}, 2))) - back, [0, 1, 2])
            )) AS number
        FROM points
    )
    GROUP BY series, number
),
-- the same, and what they are cut into: the part before a place, and the part from it on, which is_cut
stretches AS
(
    WITH RECURSIVE parts AS
    (
        SELECT series, bigger, first, levels, own, is_cut FROM windows
        UNION ALL
        SELECT series, bigger, part.1 AS first, part.2 AS levels, 0::Int64 AS own, part.3 AS is_cut
        FROM
        (
            SELECT
                *,
                -best.2 AS at,
                arraySlice(levels, 1, at) AS before,
                arraySlice(levels, at + 1) AS after,
                arrayAvg(before) AS mean_before,
                arrayAvg(after) AS mean_after,
                student_t(
                    at, mean_before, arrayAvg(x -> (x - mean_before) * (x - mean_before), before),
                    n - at, mean_after, arrayAvg(x -> (x - mean_after) * (x - mean_after), after)
                ) AS t_value,
                arrayJoin([(first, before, 0), (first + at, after, 1)]) AS part
            FROM
            (
                SELECT
                    *,
                    toInt64(length(levels)) AS n,
                    arrayMap(x -> arrayCumSum(arrayMap(y -> abs(x - y), levels)), levels) AS distances,
                    -- from each level to those before it, and to those after it
                    arrayMap((row, i) -> row[i], distances, arrayEnumerate(levels)) AS backwards,
                    arrayMap((row, left) -> row[-1] - left, distances, backwards) AS forwards,
                    arraySum(backwards) AS pairs,
                    -- q at each place but the first, with minus its index, so that the first of equals is the greatest
                    arrayMax(arrayMap(
                        (inside_before, begun_before, i) -> (
                            2 / n * (begun_before - inside_before)
                                - if(i < 2, 0, 2 * (n - i) / n / (i - 1) * inside_before)
                                - if(n - i < 2, 0, 2 * i / n / (n - i - 1) * (pairs - begun_before)),
                            -toInt64(i)
                        ),
                        arrayPopBack(arrayCumSum(backwards)),
                        arrayPopBack(arrayCumSum(forwards)),
                        range(1, toUInt64(n))
                    )) AS best
                FROM parts
                WHERE length(levels) > 2
            )
            WHERE student_p(t_value, n - 2) <= loose_p
        )
    )
    SELECT * FROM parts
),
-- each place once, and whether a window is cut there
places AS
(
    SELECT series, any(bigger) AS bigger, at.1 AS place, any(at.2) AS level, max(at.3) AS is_weak
    FROM stretches
    ARRAY JOIN arrayMap(
        (x, i) -> (first + i - 1, x, is_cut),
        arraySlice(levels, 1, if(is_cut = 1, 1, own)),
        arrayEnumerate(arraySlice(levels, 1, if(is_cut = 1, 1, own)))
    ) AS at
    GROUP BY series, place
),
-- what lies between two cuts
segments AS
(
    SELECT series, any(bigger) AS bigger, min(place) AS first, toFloat64(count()) AS n, avg(level) AS mean, varPopStable(level) AS square
    FROM
    (
        SELECT *, sum(is_weak) OVER (PARTITION BY series ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS segment
        FROM places
    )
    GROUP BY series, segment
),
-- the segments of a series, again and again without its weakest cuts. A cut is weak by 1 and its p-value when that is not
-- below p, else by up to 1 when its change is not above the magnitude
merges AS
(
    WITH RECURSIVE rounds AS
    (
        SELECT series, any(bigger) AS bigger, 0::Int64 AS round, arraySort(groupArray((first, n, mean, square))) AS parts
        FROM segments
        GROUP BY series
        UNION ALL
        SELECT
            series,
            bigger,
            round + 1 AS round,
            arrayMap(
                g -> (
                    g[1].1,
                    g[1].2 + g[2].2,
                    (g[1].2 * g[1].3 + g[2].2 * g[2].3) / (g[1].2 + g[2].2),
                    (g[1].2 * g[1].4 + g[2].2 * g[2].4 + g[1].2 * g[2].2 / (g[1].2 + g[2].2) * (g[2].3 - g[1].3) * (g[2].3 - g[1].3)) / (g[1].2 + g[2].2)
                ),
                arraySplit((part, kept) -> kept, parts, arrayPushFront(arrayMap(is_out -> NOT is_out, outs), true))
            ) AS parts
        FROM
        (
            SELECT
                *,
                arrayMap((w, left, right) -> w > 0 AND w > left AND w >= right, weak, arrayPushFront(arrayPopBack(weak), 0.), arrayPushBack(arrayPopFront(weak), 0.)) AS outs
            FROM
            (
                SELECT
                    *,
                    arrayPopBack(parts) AS lefts,
                    arrayPopFront(parts) AS rights,
                    arrayMap((l, r) -> student_t(l.2, l.3, l.4, r.2, r.3, r.4), lefts, rights) AS ts,
                    arrayMap((t, l, r) -> student_p(t, l.2 + r.2 - 2), ts, lefts, rights) AS ps,
                    arrayMap((l, r) -> relative(l.3, r.3), lefts, rights) AS changes,
                    arrayMap((p_value, change) -> multiIf(p_value >= {p:Float64}, 1 + p_value, change <= {magnitude:Float64}, 1 / (1 + change), 0.), ps, changes) AS weak
                FROM rounds
                WHERE length(parts) > 1
            )
        )
        WHERE arrayExists(is_out -> is_out, outs)
    )
    SELECT * FROM rounds
),
-- what is left of a series at the end, and what it was at first
merged AS
(
    SELECT series, any(bigger) AS bigger, argMax(parts, round) AS left_over, argMin(parts, round) AS at_first, arraySort(x -> -x.1, groupArray((round, parts))) AS history
    FROM merges
    GROUP BY series
),
-- a cut with both sides; explained, every other place, too: a cut that was taken out as it was in the last round that had it,
-- a place that never was one as a cut of nothing
cuts AS
(
    SELECT
        series,
        bigger,
        cut.1 AS l,
        cut.2 AS r,
        cut.3 AS is_weak
    FROM merged
    ARRAY JOIN arrayConcat(
        arrayMap((l, r) -> (l, r, 1), arrayPopBack(left_over), arrayPopFront(left_over)),
        if({explain:UInt8} = 1, arrayFlatten(arrayMap(
            (later, sooner) -> arrayFilter(
                c -> NOT has(arrayMap(part -> part.1, later), c.2.1),
                arrayMap((l, r) -> (l, r, 1), arrayPopBack(sooner), arrayPopFront(sooner))
            ),
            arrayMap(x -> x.2, arrayPopBack(history)), arrayMap(x -> x.2, arrayPopFront(history))
        )), []),
        if({explain:UInt8} = 1, arrayFlatten(arrayMap(
            (s, i) -> arrayMap(at -> (s, (toInt64(at), s.2, s.3, s.4), 0), range(toUInt64(s.1 + if(i = 1, 0, 1)), toUInt64(s.1 + s.2))),
            at_first, arrayEnumerate(at_first)
        )), [])
    ) AS cut
),
judged AS
(
    SELECT
        *,
        r.1 AS place,
        l.3 AS before,
        r.3 AS after,
        l.2 + r.2 - 2 AS freedom,
        after - before AS delta,
        student_t(l.2, l.3, l.4, r.2, r.3, r.4) AS statistic,
        student_p(statistic, freedom) AS p_value,
        relative(before, after) AS change,
        multiIf(delta = 0, 0., before = 0, sign(delta), delta / abs(before)) AS effect,
        sqrt((l.2 * l.4 + r.2 * r.4) / greatest(freedom, 1)) AS spread,
        -- the 97.5 % point of t by its expansion around the normal one
        1.959964 + 2.372271 / greatest(freedom, 1) + 2.822499 / pow(greatest(freedom, 1), 2) + 2.555850 / pow(greatest(freedom, 1), 3) AS point,
        if(before = 0, 0., point * spread * sqrt(1 / l.2 + 1 / r.2) / abs(before)) AS margin,
        [
            ('split', toFloat64(is_weak), 1., toUInt8(is_weak)),
            ('p', p_value, {p:Float64}, toUInt8(p_value < {p:Float64})),
            ('magnitude', change, {magnitude:Float64}, toUInt8(change > {magnitude:Float64}))
        ]::Array(Tuple(name String, value Float64, threshold Float64, passed UInt8)) AS checks
    FROM cuts
)
SELECT
    series,
    toUInt32(place) AS place,
    if(delta >= 0, 'up', 'down') AS direction,
    if((direction = 'up') = (bigger = 1), 'improvement', 'regression') AS kind,
    before,
    after,
    spread,
    toFloat64(effect) AS effect,
    toFloat64(effect - margin) AS effect_low,
    toFloat64(effect + margin) AS effect_high,
    statistic,
    p_value,
    checks,
    arrayFirst(c -> c.passed = 0, checks).name AS stopped_by
FROM judged
WHERE {explain:UInt8} = 1 OR stopped_by = ''
ORDER BY series, place
SETTINGS max_block_size = 2048, max_recursive_cte_evaluation_depth = 100000
