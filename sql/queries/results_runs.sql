-- name: results_runs
-- purpose: what a submitter is told about: the suite's schema, the position of a run, that of the run it is compared with (0 for none), and the tests by their names.
-- params: database String, suite String, run_id UInt32, orders_back UInt16, max_runs UInt32
-- As LNT does: compared is the first run of the order before the run's own on its
-- machine; tests are those of the run, of all runs of the orders_back orders before
-- it and of the machine's first order's newest run. Orders whose names compare equal
-- are one place in the order. No more than max_runs are looked at.
WITH
(
    SELECT (any(r.machine_id), any(o.sort_key))
    FROM v_runs AS r
    INNER JOIN v_orders AS o ON o.order_id = r.order_id
    WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.run_id = {run_id:UInt32}
        AND o.database = {database:String} AND o.suite = {suite:String}
) AS own,
-- a run of the machine up to the order of the run, with how many orders it lies back
machine_runs AS
(
    SELECT
        r.run_id AS run_id,
        r.seq AS seq,
        o.sort_key AS sort_key,
        o.sort_key < own.2 AS is_earlier,
        dense_rank() OVER (PARTITION BY o.sort_key < own.2 ORDER BY o.sort_key DESC, o.order_id DESC) AS back,
        row_number() OVER (ORDER BY o.sort_key, o.order_id, r.start_at DESC, r.run_id) = 1 AS is_baseline
    FROM v_runs AS r
    INNER JOIN v_orders AS o ON o.order_id = r.order_id
    WHERE r.database = {database:String} AND r.suite = {suite:String} AND r.machine_id = own.1
        AND o.database = {database:String} AND o.suite = {suite:String}
        AND o.sort_key <= own.2
),
-- the runs looked at: their positions, the run's own, and that of the one it is compared with
(
    SELECT (groupArray(seq), anyIf(seq, run_id = {run_id:UInt32}), argMaxIf(seq, (sort_key, -toInt64(run_id)), is_earlier))
    FROM
    (
        SELECT run_id, seq, sort_key, is_earlier
        FROM machine_runs
        WHERE run_id = {run_id:UInt32} OR is_baseline OR (is_earlier AND back <= {orders_back:UInt16})
        ORDER BY run_id = {run_id:UInt32} DESC, sort_key DESC, run_id
        LIMIT {max_runs:UInt32}
    )
) AS seqs,
-- a test of theirs
tests_seen AS
(
    SELECT test_id, name
    FROM v_tests
    WHERE database = {database:String} AND suite = {suite:String}
        AND test_id IN
        (
            SELECT test_id
            FROM v_run_rows
            WHERE database = {database:String} AND suite = {suite:String} AND seq IN (SELECT arrayJoin(seqs.1))
        )
    ORDER BY name
)
SELECT
    (SELECT any(schema) FROM v_suites WHERE database = {database:String} AND suite = {suite:String}) AS schema,
    seqs.2 AS seq,
    seqs.3 AS previous_seq,
    groupArray(test_id) AS test_ids,
    groupArray(name) AS test_names
FROM tests_seen
