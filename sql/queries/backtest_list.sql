-- name: backtest_list
-- purpose: the backtests of a suite, newest first, or one of them; an empty database and suite stand for all.
-- params: database String, suite String, backtest_id String, states Array(String), before_at DateTime64(3), before_id UUID, max_items UInt64
SELECT
    database,
    suite,
    backtest_id,
    asked_at,
    asked,
    progress,
    state
FROM v_backtests
WHERE ({database:String} = '' OR database = {database:String})
    AND ({suite:String} = '' OR suite = {suite:String})
    AND ({backtest_id:String} = '' OR toString(backtest_id) = {backtest_id:String})
    AND (empty({states:Array(String)}) OR has({states:Array(String)}, state))
    AND (asked_at, backtest_id) < ({before_at:DateTime64(3)}, {before_id:UUID})
ORDER BY asked_at DESC, backtest_id DESC
LIMIT {max_items:UInt64}
