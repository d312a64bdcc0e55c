-- name: regression_line
-- purpose: the regressions that changes of one series are in, one row per change and regression in the order in which they were added.
-- params: database String, suite String, machine_id UInt32, test_id UInt32, metric String
WITH
-- a row is a change of the series
changes AS
(
    SELECT change_id, order_name, after
    FROM v_findings
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND machine_id = {machine_id:UInt32}
        AND test_id = {test_id:UInt32}
        AND metric = {metric:String}
)
SELECT
    i.regression_id AS regression_id,
    i.title AS title,
    i.state AS state,
    c.order_name AS order_name,
    c.after AS after
FROM
(
    SELECT regression_id, title, state, indicator_id, change_id
    FROM v_regressions
    ARRAY JOIN added AS indicator_id, change_ids AS change_id
    WHERE database = {database:String}
        AND suite = {suite:String}
        AND hasAny(change_ids, (SELECT groupArray(change_id) FROM changes))
) AS i
INNER JOIN changes AS c ON c.change_id = i.change_id
ORDER BY i.indicator_id
