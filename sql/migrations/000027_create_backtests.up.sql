-- backtests: what was asked of a detector over history, and what came of it. A part has one writer, and its newest version counts:
-- 'asked' is written once, 'progress' by whoever runs it, 'cancelled' by whoever wants it to end. Nothing of it is in the ledger, and it
-- goes after three months. Repeated rows are told by their key. The table needs no deduplication window.
CREATE TABLE IF NOT EXISTS backtests
(
    database    LowCardinality(String),
    suite       LowCardinality(String),
    backtest_id UUID,
    part        LowCardinality(String),
    version     UInt64,
    created_at  DateTime64(3, 'UTC') COMMENT 'of the backtest, in all its parts',
    body        String COMMENT 'JSON object'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (database, suite, backtest_id, part)
TTL toDateTime(created_at) + INTERVAL 90 DAY
