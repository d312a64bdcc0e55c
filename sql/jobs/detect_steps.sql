-- name: detect_steps
-- purpose: the steps in a machine's series over a stretch of its orders.
-- params: database String, suite String, machine_id UInt32, orders Array(UInt32), judged Array(UInt8), seqs Array(UInt64), window UInt16, peak UInt16, min_before UInt16, min_after UInt16, max_p_value Float64, min_effect Float64, min_sigmas Float64, bigger_is_better Array(String)
-- detector: steps
-- version: 1
--
-- orders is the stretch in order, judged says for each whether a step may be
-- reported there, seqs are the positions of the runs on them. At every order of
-- a series the points before it are compared with the points from it on, at most
-- `window` on either side: Student's t with pooled variance, a bound on its p-value, a floor on the
-- relative effect, a floor on the effect in units of the spread, and the order
-- must be where t is largest within `peak` orders. Values are read by position,
-- so the cost is that of the stretch, not of the history.
WITH
-- the level of a series at one order: the median of its samples
points AS
(
    SELECT
        metric,
        test_id,
        indexOf({orders:Array(UInt32)}, order_id) AS place,
        median(value) AS level
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN {seqs:Array(UInt64)}
        AND machine_id = {machine_id:UInt32}
        AND failed = 0
    GROUP BY metric, test_id, place
),
-- the same with what lies before it and from it on
windows AS
(
    SELECT
        metric,
        test_id,
        place,
        lagInFrame(place) OVER series AS previous_place,
        count() OVER earlier AS n_before,
        avg(level) OVER earlier AS mean_before,
        ifNotFinite(varSamp(level) OVER earlier, 0) AS var_before,
        count() OVER later AS n_after,
        avg(level) OVER later AS mean_after,
        ifNotFinite(varSamp(level) OVER later, 0) AS var_after
    FROM points
    WINDOW
        series AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        earlier AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN {window:UInt16} PRECEDING AND 1 PRECEDING),
        later AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN CURRENT ROW AND {window:UInt16} - 1 FOLLOWING)
),
-- the same with its statistic; too few points on a side give 0
scored AS
(
    SELECT
        *,
        sqrt(((n_before - 1) * var_before + (n_after - 1) * var_after) / greatest(n_before + n_after - 2, 1)) AS pooled,
        -- values that never change still have the noise of their last digit
        greatest(pooled, abs(mean_before) * 1e-6, 1e-300) AS spread,
        mean_after - mean_before AS delta,
        if(
            n_before >= {min_before:UInt16} AND n_after >= {min_after:UInt16},
            abs(delta) / (spread * sqrt(1 / n_before + 1 / n_after)),
            0
        ) AS statistic
    FROM windows
),
-- the same with the largest statistics to its left and right
peaks AS
(
    SELECT
        *,
        max(statistic) OVER (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN {peak:UInt16} PRECEDING AND 1 PRECEDING) AS left_peak,
        max(statistic) OVER (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND {peak:UInt16} FOLLOWING) AS right_peak
    FROM scored
)
-- a step
SELECT
    {machine_id:UInt32} AS machine_id,
    metric,
    test_id,
    {orders:Array(UInt32)}[place] AS order_id,
    {orders:Array(UInt32)}[previous_place] AS previous_order_id,
    if(delta > 0, 'up', 'down') AS direction,
    if((delta > 0) = has({bigger_is_better:Array(String)}, metric), 'improvement', 'regression') AS kind,
    mean_before AS level_before,
    mean_after AS level_after,
    spread,
    if(mean_before = 0, sign(delta), delta / abs(mean_before)) AS effect,
    statistic,
    -- normal deviate of a t value: Abramowitz and Stegun 26.7.8
    erfc(
        statistic * (1 - 1 / (4 * (n_before + n_after - 2)))
        / sqrt(1 + statistic * statistic / (2 * (n_before + n_after - 2)))
        / sqrt(2)
    ) AS p_value
FROM peaks
WHERE {judged:Array(UInt8)}[place] = 1
    AND statistic > 0
    AND p_value <= {max_p_value:Float64}
    AND statistic > left_peak
    AND statistic >= right_peak
    AND abs(effect) >= {min_effect:Float64}
    AND abs(delta) >= {min_sigmas:Float64} * spread
ORDER BY metric, test_id, order_id
