-- name: v_shadow_scores
-- purpose: one row per suite and detector that judges as a shadow: what it found beside what stands (the same change lies within 5 orders of the suite and goes the same way), and what people say of it; filter by database and suite.
CREATE OR REPLACE VIEW v_shadow_scores AS
WITH
-- an order with its place
places AS
(
    SELECT database, suite, order_id, toInt64(row_number() OVER (PARTITION BY database, suite ORDER BY sort_key, order_id)) AS place
    FROM v_orders
),
-- a change point in a regression: 1 when somebody took it up, -1 when it was ignored
members AS
(
    SELECT database, suite, arrayJoin(change_ids) AS change_id, if(state IN (1, 10, 20, 22, 23), 1, if(state = 21, -1, 0)) AS label
    FROM v_regressions
),
-- a change point that stands or was dismissed, with what people say of it
said AS
(
    SELECT
        s.database AS database,
        s.suite AS suite,
        s.change_id AS change_id,
        s.machine_id AS machine_id,
        s.test_id AS test_id,
        s.metric AS metric,
        s.direction AS direction,
        s.shadow AS shadow,
        s.dismissed AS dismissed,
        s.detector AS detector,
        p.place AS place,
        if(s.dismissed = 1 OR (max(m.label) < 1 AND min(m.label) = -1), -1, max(m.label)) AS label
    FROM v_finding_states AS s
    INNER JOIN places AS p ON p.database = s.database AND p.suite = s.suite AND p.order_id = s.order_id
    LEFT JOIN members AS m ON m.database = s.database AND m.suite = s.suite AND m.change_id = s.change_id
    WHERE s.active = 1
    GROUP BY database, suite, change_id, machine_id, test_id, metric, direction, shadow, dismissed, detector, place
),
-- a finding of a shadow, with the nearest that is known
found AS
(
    SELECT
        f.database AS database,
        f.suite AS suite,
        f.detector AS detector,
        f.change_id AS change_id,
        max(k.change_id > 0 AND k.dismissed = 0 AND abs(k.place - f.place) <= 5) AS is_agreed,
        maxIf(k.label, k.change_id > 0 AND abs(k.place - f.place) <= 5) AS best,
        minIf(k.label, k.change_id > 0 AND abs(k.place - f.place) <= 5) AS worst
    FROM said AS f
    LEFT JOIN (SELECT * FROM said WHERE shadow = 0) AS k
        ON k.database = f.database AND k.suite = f.suite AND k.machine_id = f.machine_id AND k.test_id = f.test_id AND k.metric = f.metric AND k.direction = f.direction
    WHERE f.shadow = 1 AND f.dismissed = 0
    GROUP BY database, suite, detector, change_id
),
-- a finding that stands in a series that a shadow judges, and whether the shadow found it
judged AS
(
    SELECT
        k.database AS database,
        k.suite AS suite,
        r.detector AS detector,
        k.change_id AS change_id,
        max(f.change_id > 0 AND abs(k.place - f.place) <= 5) AS is_found
    FROM (SELECT * FROM said WHERE shadow = 0 AND dismissed = 0) AS k
    INNER JOIN v_machines AS m ON m.database = k.database AND m.suite = k.suite AND m.machine_id = k.machine_id
    INNER JOIN v_tests AS t ON t.database = k.database AND t.suite = k.suite AND t.test_id = k.test_id
    INNER JOIN
    (
        SELECT
            database,
            suite,
            detector,
            -- patterns, * and ?, as expressions
            concat('^', replaceAll(replaceAll(regexpQuoteMeta(machine), '\\*', '.*'), '\\?', '.'), '$') AS machines,
            concat('^', replaceAll(replaceAll(regexpQuoteMeta(test), '\\*', '.*'), '\\?', '.'), '$') AS tests,
            concat('^', replaceAll(replaceAll(regexpQuoteMeta(metric), '\\*', '.*'), '\\?', '.'), '$') AS metrics
        FROM v_detector_rules
        WHERE mode = 'shadow'
    ) AS r ON r.database = k.database AND r.suite = k.suite
    LEFT JOIN (SELECT * FROM said WHERE shadow = 1) AS f
        ON f.database = k.database AND f.suite = k.suite AND f.detector = r.detector AND f.machine_id = k.machine_id
        AND f.test_id = k.test_id AND f.metric = k.metric AND f.direction = k.direction
    WHERE match(m.name, r.machines) AND match(t.name, r.tests) AND match(k.metric, r.metrics)
    GROUP BY database, suite, detector, change_id
)
SELECT
    database,
    suite,
    detector,
    sum(one_found) AS found,
    sum(one_agreed) AS agreed,
    sum(one_found - one_agreed) AS alone,
    sum(one_missed) AS missed,
    sum(one_real) AS found_real,
    sum(one_not_real) AS found_not_real
FROM
(
    SELECT database, suite, detector, toUInt64(1) AS one_found, toUInt64(is_agreed) AS one_agreed, toUInt64(0) AS one_missed, toUInt64(best = 1) AS one_real, toUInt64(best < 1 AND worst = -1) AS one_not_real
    FROM found
    UNION ALL
    SELECT database, suite, detector, 0, 0, toUInt64(is_found = 0), 0, 0
    FROM judged
)
GROUP BY database, suite, detector
