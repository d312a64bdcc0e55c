-- name: detect_screen
-- purpose: the series of machines that may hold a new step near orders that got data; a quick look before the detector's own.
-- params: database String, suite String, machine_ids Array(UInt32), partial Array(UInt32), seqs Array(UInt64), at Array(UInt32), least Float64, min_effect Float64, min_before UInt16, min_after UInt16
-- seqs are the positions of the runs on the machines' orders around the touched ones, and at says of each where its
-- order stands among these, from 1 on, times four; one more when it is touched, two more when a step may be new there.
-- A series is kept when the means of up to 6 or 16 points before and from a near place on
-- differ by `least` standard errors, a quarter more from six points on, and by half of
-- min_effect. It is kept
-- unseen when it has too few points there to tell, where the orders are not all that the
-- machine has (partial). `of` counts the series of the machine that have a touched order.
WITH
-- a value
points AS
(
    SELECT machine_id, metric, test_id, value, transform(seq, {seqs:Array(UInt64)}, {at:Array(UInt32)}, 0::UInt32) AS place
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN {seqs:Array(UInt64)}
        AND machine_id IN {machine_ids:Array(UInt32)}
        AND failed = 0
        AND isFinite(value)
),
-- a series: its levels in order, which of them are near, the sizes of the steps between neighbours, smallest first
series AS
(
    SELECT
        machine_id,
        metric,
        test_id,
        groupArray(place) AS any_places,
        arraySort(any_places) AS places,
        -- where another order begins
        arrayMap((a, b) -> a != b, places, arrayPushFront(arrayPopBack(places), 0)) AS begins,
        arrayMap(
            v -> (v[intDiv(length(v) + 1, 2)] + v[intDiv(length(v), 2) + 1]) / 2,
            arraySplit((v, b) -> b, arraySort((v, k) -> (k, v), groupArray(value), any_places), begins)
        ) AS y,
        arrayMap(k -> bitTest(k, 1), arrayFilter((k, b) -> b, places, begins)) AS nears,
        toInt64(length(y)) AS n,
        arraySort(arrayMap((a, b) -> abs(a - b), arrayPopFront(y), arrayPopBack(y))) AS sizes,
        length(sizes) AS m
    FROM points
    GROUP BY machine_id, metric, test_id
    HAVING bitTest(groupBitOr(place), 0) = 1
),
-- the same with the spread of one level, as the detector estimates it, and running sums from the first level on
summed AS
(
    SELECT
        machine_id,
        metric,
        test_id,
        n,
        nears,
        greatest(
            (sizes[greatest(intDiv(m + 1, 2), 1)] + sizes[greatest(intDiv(m + 2, 2), 1)]) / 2 / 0.9539,
            arraySum(arraySlice(sizes, 1, greatest(intDiv(m * 4, 5), 1))) / greatest(intDiv(m * 4, 5), 1) / 0.7788
        ) AS usual,
        greatest(
            usual,
            sqrt(arraySum(v -> least(v, 4.2426 * usual) * least(v, 4.2426 * usual), sizes) / greatest(m, 1) / 2),
            1e-9 * arraySum(v -> abs(v), y) / n,
            1e-300
        ) AS sigma,
        y[1] AS base,
        arrayPushFront(arrayCumSum(arrayMap(v -> v - base, y)), 0.) AS s
    FROM series
),
-- the same with what may be seen
looked AS
(
    SELECT
        machine_id,
        metric,
        test_id,
        n < {min_before:UInt16} + {min_after:UInt16} AS is_short,
        arrayExists(
            (k, is_near, c, b6, a6, b16, a16) -> is_near AND k >= {min_after:UInt16} AND k + {min_after:UInt16} <= n AND (
                abs((a6 - c) / (least(6, n - k) AS r6) - (c - b6) / (least(6, k) AS l6)) >= greatest(
                    {least:Float64} * if(least(r6, l6) < 6, 1, 1.25) * sigma * sqrt(1 / r6 + 1 / l6), 0.5 * {min_effect:Float64} * abs(base + (c - b6) / l6)
                )
                OR abs((a16 - c) / (least(16, n - k) AS r16) - (c - b16) / (least(16, k) AS l16)) >= greatest(
                    {least:Float64} * if(least(r16, l16) < 6, 1, 1.25) * sigma * sqrt(1 / r16 + 1 / l16), 0.5 * {min_effect:Float64} * abs(base + (c - b16) / l16)
                )
            ),
            range(toUInt32(n)),
            nears,
            arrayPopBack(s),
            arrayPopBack(arrayConcat(arrayWithConstant(least(6, n), 0.), arraySlice(s, 1, greatest(n + 1 - 6, 1)))),
            arrayPopBack(arrayConcat(arraySlice(s, least(7, n + 1)), arrayWithConstant(least(6, n), s[-1]))),
            arrayPopBack(arrayConcat(arrayWithConstant(least(16, n), 0.), arraySlice(s, 1, greatest(n + 1 - 16, 1)))),
            arrayPopBack(arrayConcat(arraySlice(s, least(17, n + 1)), arrayWithConstant(least(16, n), s[-1])))
        ) AS is_seen
    FROM summed
)
SELECT
    machine_id,
    toString(metric) AS metric,
    test_id,
    of
FROM
(
    SELECT *, count() OVER (PARTITION BY machine_id) AS of
    FROM looked
)
WHERE is_seen OR is_short AND machine_id IN {partial:Array(UInt32)}
ORDER BY machine_id, metric, test_id
