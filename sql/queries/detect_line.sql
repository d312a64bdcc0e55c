-- name: detect_line
-- purpose: the orders at which a machine has runs, in order, with the positions of these, as the data stood at a position.
-- params: database String, suite String, machine_id UInt32, before_load UInt32, gone_after UInt64
-- Runs count when their generation is below before_load, although an event after gone_after took it away. Where
-- nothing was, what stands between "past" and "present" may be left out.
WITH
-- past: generations that counted then and do not now
gone AS
(
    SELECT load_id
    FROM v_gone_loads
    WHERE database = {database:String} AND suite = {suite:String} AND seq > {gone_after:UInt64} AND load_id < {before_load:UInt32}
),
-- present
-- a run of the machine
visited AS
(
    SELECT order_id, seq
    FROM v_runs
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id = {machine_id:UInt32}
        AND load_id < {before_load:UInt32}
    -- past
    UNION DISTINCT
    SELECT order_id, seq
    FROM v_ledger
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND load_id IN (SELECT load_id FROM gone)
        AND machine_id IN (
            SELECT machine_id
            FROM v_machine_states
            WHERE database = {database:String}
                AND suite = {suite:String}
                AND (machine_id = {machine_id:UInt32} OR merged_into = {machine_id:UInt32})
        )
    -- present
)
SELECT
    order_id,
    any(name) AS name,
    arraySort(groupArray(v.seq)) AS seqs
FROM visited AS v
INNER JOIN
(
    SELECT order_id, name, sort_key
    FROM v_orders
    WHERE database = {database:String} AND suite = {suite:String}
) AS o USING (order_id)
GROUP BY order_id
ORDER BY any(sort_key), order_id
