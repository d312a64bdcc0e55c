-- name: detect_steps
-- purpose: the steps in a machine's series over a stretch of its orders.
-- params: database String, suite String, machine_id UInt32, orders Array(UInt32), places Array(UInt32), judged Array(UInt8), seqs Array(UInt64), window UInt16, peak UInt16, gaps UInt16, min_before UInt16, min_after UInt16, max_p_value Float64, min_effect Float64, min_sigmas Float64, bigger_is_better Array(String)
-- detector: steps
-- version: 1
--
-- orders is a part of the machine's orders, places says where each stands among
-- all of them, judged whether a step may be reported there, seqs are the
-- positions of the runs on them. At every order of a series the points before it
-- are compared with the points from it on: Student's t with pooled variance, a
-- bound on its p-value, a floor on the relative effect, a floor on the effect in
-- units of the spread, and the order must be where t is largest within `peak`
-- points.
--
-- A side is the nearest `window` points that lie within `gaps` times as many
-- places: a series may leave orders out. So what is said of an order hangs on the
-- orders within gaps * (window + peak) places of it and on nothing else, however
-- much is read and whenever it came. Values are read by position: the cost is that
-- of the stretch, not of the history.
WITH
-- the level of a series at one order: the median of its samples
points AS
(
    SELECT
        metric,
        test_id,
        order_id,
        {places:Array(UInt32)}[indexOf({orders:Array(UInt32)}, order_id)] AS place,
        median(value) AS level
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN {seqs:Array(UInt64)}
        AND machine_id = {machine_id:UInt32}
        AND failed = 0
    GROUP BY metric, test_id, order_id
),
-- the same with what lies before it and from it on: the nearest points, and those in reach
frames AS
(
    SELECT
        metric,
        test_id,
        order_id,
        place,
        lagInFrame(order_id) OVER series AS previous_order_id,
        count() OVER nearest_before AS nearest_n_before,
        avg(level) OVER nearest_before AS nearest_mean_before,
        varSampStable(level) OVER nearest_before AS nearest_var_before,
        count() OVER reached_before AS reached_n_before,
        avg(level) OVER reached_before AS reached_mean_before,
        varSampStable(level) OVER reached_before AS reached_var_before,
        count() OVER nearest_after AS nearest_n_after,
        avg(level) OVER nearest_after AS nearest_mean_after,
        varSampStable(level) OVER nearest_after AS nearest_var_after,
        count() OVER reached_after AS reached_n_after,
        avg(level) OVER reached_after AS reached_mean_after,
        varSampStable(level) OVER reached_after AS reached_var_after
    FROM points
    WINDOW
        series AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        nearest_before AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN {window:UInt16} PRECEDING AND 1 PRECEDING),
        reached_before AS (PARTITION BY metric, test_id ORDER BY place RANGE BETWEEN {window:UInt16} * {gaps:UInt16} PRECEDING AND 1 PRECEDING),
        nearest_after AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN CURRENT ROW AND {window:UInt16} - 1 FOLLOWING),
        reached_after AS (PARTITION BY metric, test_id ORDER BY place RANGE BETWEEN CURRENT ROW AND {window:UInt16} * {gaps:UInt16} - 1 FOLLOWING)
),
-- the same with two sides: of two frames that begin at one place the smaller one lies in both
sides AS
(
    SELECT
        metric,
        test_id,
        order_id,
        place,
        previous_order_id,
        least(nearest_n_before, reached_n_before) AS n_before,
        if(reached_n_before < nearest_n_before, reached_mean_before, nearest_mean_before) AS mean_before,
        ifNotFinite(if(reached_n_before < nearest_n_before, reached_var_before, nearest_var_before), 0) AS var_before,
        least(nearest_n_after, reached_n_after) AS n_after,
        if(reached_n_after < nearest_n_after, reached_mean_after, nearest_mean_after) AS mean_after,
        ifNotFinite(if(reached_n_after < nearest_n_after, reached_var_after, nearest_var_after), 0) AS var_after
    FROM frames
),
-- the same with its statistic; too few points on a side give 0
scored AS
(
    SELECT
        *,
        greatest(n_before + n_after - 2, 1) AS freedom,
        sqrt(((n_before - 1) * var_before + (n_after - 1) * var_after) / freedom) AS pooled,
        -- values that never change still have the noise of their last digit
        greatest(pooled, abs(mean_before) * 1e-6, 1e-300) AS spread,
        mean_after - mean_before AS delta,
        if(
            n_before >= {min_before:UInt16} AND n_after >= {min_after:UInt16},
            ifNotFinite(abs(delta) / (spread * sqrt(1 / n_before + 1 / n_after)), 0),
            0
        ) AS statistic
    FROM sides
),
-- the same with the largest statistics to its left and right, in both frames again
peaks AS
(
    SELECT
        *,
        least(max(statistic) OVER nearest_left, max(statistic) OVER reached_left) AS left_peak,
        least(max(statistic) OVER nearest_right, max(statistic) OVER reached_right) AS right_peak
    FROM scored
    WINDOW
        nearest_left AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN {peak:UInt16} PRECEDING AND 1 PRECEDING),
        reached_left AS (PARTITION BY metric, test_id ORDER BY place RANGE BETWEEN {peak:UInt16} * {gaps:UInt16} PRECEDING AND 1 PRECEDING),
        nearest_right AS (PARTITION BY metric, test_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND {peak:UInt16} FOLLOWING),
        reached_right AS (PARTITION BY metric, test_id ORDER BY place RANGE BETWEEN 1 FOLLOWING AND {peak:UInt16} * {gaps:UInt16} FOLLOWING)
)
-- a step
SELECT
    {machine_id:UInt32} AS machine_id,
    metric,
    test_id,
    order_id,
    previous_order_id,
    if(delta > 0, 'up', 'down') AS direction,
    if((delta > 0) = has({bigger_is_better:Array(String)}, metric), 'improvement', 'regression') AS kind,
    mean_before AS level_before,
    mean_after AS level_after,
    spread,
    if(mean_before = 0, sign(delta), delta / abs(mean_before)) AS effect,
    statistic,
    -- normal deviate of a t value: Wallace 1959, Bounds on normal approximations to Student's
    erfc(sqrt(freedom * log1p(statistic * statistic / freedom)) * (8 * freedom + 1) / (8 * freedom + 3) / sqrt(2)) AS p_value
FROM peaks
WHERE {judged:Array(UInt8)}[indexOf({orders:Array(UInt32)}, order_id)] = 1
    AND statistic > 0
    AND p_value <= {max_p_value:Float64}
    AND statistic > left_peak
    AND statistic >= right_peak
    AND abs(effect) >= {min_effect:Float64}
    AND isFinite(effect)
    AND abs(delta) >= {min_sigmas:Float64} * spread
ORDER BY metric, test_id, place
SETTINGS max_threads = 1, os_threads_nice_value_query = 4
