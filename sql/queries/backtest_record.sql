-- name: backtest_record
-- purpose: one part of a backtest, in its newest version.
-- params: database String, suite String, backtest_id UUID, part String, version UInt64, created_at DateTime64(3), body String
INSERT INTO backtests (database, suite, backtest_id, part, version, created_at, body)
SELECT
    {database:String},
    {suite:String},
    {backtest_id:UUID},
    {part:String},
    {version:UInt64},
    {created_at:DateTime64(3)},
    {body:String}
SETTINGS async_insert = 0
