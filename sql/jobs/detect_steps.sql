-- name: detect_steps
-- purpose: steps in the series that got data since the last slot: what is new, what changed, what is withdrawn.
-- params: database String, suite String, from_seq UInt64, to_seq UInt64, window UInt16, reach UInt16, peak UInt16, min_before UInt16, min_after UInt16, min_statistic Float64, min_effect Float64, min_sigmas Float64, bigger_is_better Array(String)
-- every: 5s
-- timeout: 60s
-- detector: steps
-- version: 1
--
-- At every order of a series the points before it are compared with the points
-- from it on, at most `window` of them on either side: Student's t with pooled
-- variance (for equal spreads it is Welch's), a floor on the relative effect, a
-- floor on the effect in units of the spread, and the order must be where t is
-- largest within `peak` orders. A run's values are read by position in the
-- ledger, so the cost is that of the touched neighbourhood, not of the history.
WITH
-- an order of a machine whose data changed in this slot
touched AS
(
    SELECT DISTINCT machine_id, order_id
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq > {from_seq:UInt64}
        AND seq <= {to_seq:UInt64}
),
-- an order of a touched machine
machine_orders AS
(
    SELECT DISTINCT machine_id, order_id
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id IN (SELECT machine_id FROM touched)
),
-- the same, in its place along the machine's orders
placed AS
(
    SELECT
        m.machine_id AS machine_id,
        m.order_id AS order_id,
        o.sort_key AS sort_key,
        (m.machine_id, m.order_id) IN (SELECT machine_id, order_id FROM touched) AS is_touched
    FROM machine_orders AS m
    INNER JOIN
    (
        SELECT order_id, sort_key
        FROM v_orders
        WHERE database = {database:String} AND suite = {suite:String}
    ) AS o ON o.order_id = m.order_id
),
-- the same, with whether it is to be read and whether it is to be judged:
-- more is read than judged, so that a series with gaps still fills its windows
near AS
(
    SELECT
        machine_id,
        order_id,
        sort_key,
        row_number() OVER (PARTITION BY machine_id ORDER BY sort_key, order_id) AS place,
        max(is_touched) OVER (PARTITION BY machine_id ORDER BY sort_key, order_id ROWS BETWEEN {window:UInt16} PRECEDING AND {window:UInt16} FOLLOWING) AS is_judged,
        max(is_touched) OVER (PARTITION BY machine_id ORDER BY sort_key, order_id ROWS BETWEEN {reach:UInt16} PRECEDING AND {reach:UInt16} FOLLOWING) AS is_read
    FROM placed
),
read AS
(
    SELECT machine_id, order_id, sort_key, place, is_judged
    FROM near
    WHERE is_read
),
-- a run whose values are needed
runs_read AS
(
    SELECT seq
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND (machine_id, order_id) IN (SELECT machine_id, order_id FROM read)
),
-- the level of a series at one order
points AS
(
    SELECT machine_id, metric, test_id, order_id, median(value) AS level
    FROM v_run_samples
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND seq IN (SELECT seq FROM runs_read)
        AND failed = 0
    GROUP BY machine_id, metric, test_id, order_id
),
-- the same with what lies before it and from it on
windows AS
(
    SELECT
        p.machine_id AS machine_id,
        p.metric AS metric,
        p.test_id AS test_id,
        p.order_id AS order_id,
        r.is_judged AS is_judged,
        lagInFrame(p.order_id) OVER series AS previous_order_id,
        row_number() OVER series AS nth,
        count() OVER before AS n_before,
        avg(p.level) OVER before AS mean_before,
        ifNotFinite(varSamp(p.level) OVER before, 0) AS var_before,
        count() OVER after AS n_after,
        avg(p.level) OVER after AS mean_after,
        ifNotFinite(varSamp(p.level) OVER after, 0) AS var_after,
        min(r.place) OVER series_all AS first_place
    FROM points AS p
    INNER JOIN read AS r ON r.machine_id = p.machine_id AND r.order_id = p.order_id
    WINDOW
        series AS (PARTITION BY p.machine_id, p.metric, p.test_id ORDER BY r.sort_key, p.order_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        series_all AS (PARTITION BY p.machine_id, p.metric, p.test_id),
        before AS (PARTITION BY p.machine_id, p.metric, p.test_id ORDER BY r.sort_key, p.order_id ROWS BETWEEN {window:UInt16} PRECEDING AND 1 PRECEDING),
        after AS (PARTITION BY p.machine_id, p.metric, p.test_id ORDER BY r.sort_key, p.order_id ROWS BETWEEN CURRENT ROW AND {window:UInt16} - 1 FOLLOWING)
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
peaks AS
(
    SELECT
        *,
        max(statistic) OVER (PARTITION BY machine_id, metric, test_id ORDER BY nth ROWS BETWEEN {peak:UInt16} PRECEDING AND 1 PRECEDING) AS left_peak,
        max(statistic) OVER (PARTITION BY machine_id, metric, test_id ORDER BY nth ROWS BETWEEN 1 FOLLOWING AND {peak:UInt16} FOLLOWING) AS right_peak
    FROM scored
),
-- a step
steps AS
(
    SELECT
        machine_id,
        metric,
        test_id,
        order_id,
        previous_order_id,
        if(delta > 0, 'up', 'down') AS direction,
        if((delta > 0) = has({bigger_is_better:Array(String)}, metric), 'improvement', 'regression') AS kind,
        mean_before AS before_level,
        mean_after AS after_level,
        spread,
        if(mean_before = 0, sign(delta), delta / abs(mean_before)) AS effect,
        statistic,
        n_before + n_after - 2 AS freedom,
        -- normal deviate of a t value: Abramowitz and Stegun 26.7.8
        erfc(statistic * (1 - 1 / (4 * freedom)) / sqrt(1 + statistic * statistic / (2 * freedom)) / sqrt(2)) AS p_value
    FROM peaks
    WHERE is_judged
        AND statistic >= {min_statistic:Float64}
        AND statistic > left_peak
        AND statistic >= right_peak
        AND abs(effect) >= {min_effect:Float64}
        AND abs(delta) >= {min_sigmas:Float64} * spread
),
-- a finding that stands and was judged again
known AS
(
    SELECT f.*
    FROM
    (
        SELECT machine_id, metric, test_id, order_id, previous_order_id, direction, kind, before, after, spread, effect, statistic, p_value
        FROM v_findings
        WHERE database = {database:String}
            AND suite = {suite:String}
            AND detector = 'steps'
            AND machine_id IN (SELECT machine_id FROM touched)
    ) AS f
    INNER JOIN
    (
        SELECT machine_id, order_id
        FROM near
        WHERE is_judged
    ) AS j ON j.machine_id = f.machine_id AND j.order_id = f.order_id
)
SELECT
    s.machine_id AS machine_id,
    s.metric AS metric,
    s.test_id AS test_id,
    s.order_id AS order_id,
    s.previous_order_id AS previous_order_id,
    s.direction AS direction,
    s.kind AS kind,
    s.before_level AS before_level,
    s.after_level AS after_level,
    s.spread AS spread,
    s.effect AS effect,
    s.statistic AS statistic,
    s.p_value AS p_value,
    toUInt8(1) AS active
FROM steps AS s
LEFT JOIN known AS k ON k.machine_id = s.machine_id AND k.metric = s.metric AND k.test_id = s.test_id AND k.order_id = s.order_id AND k.direction = s.direction
WHERE k.order_id = 0
    OR abs(k.statistic - s.statistic) > 1e-9 * s.statistic
    OR abs(k.after - s.after_level) > 1e-9 * abs(s.after_level)
UNION ALL
SELECT
    machine_id,
    metric,
    test_id,
    order_id,
    previous_order_id,
    direction,
    kind,
    before AS before_level,
    after AS after_level,
    spread,
    effect,
    statistic,
    p_value,
    toUInt8(0) AS active
FROM known
WHERE (machine_id, metric, test_id, order_id, direction) NOT IN (SELECT machine_id, metric, test_id, order_id, direction FROM steps)
ORDER BY machine_id, metric, test_id, order_id, direction, active
