-- backtest_findings: what a backtest found and what it did not, beside what stood. Its rows come once, by the attempt that brought them.
-- Those of an attempt that was given up stay unread until they go.
CREATE TABLE IF NOT EXISTS backtest_findings
(
    database          LowCardinality(String),
    suite             LowCardinality(String),
    backtest_id       UUID,
    attempt           UInt32,
    number            UInt64 COMMENT 'counts the rows of an attempt',
    diff              LowCardinality(String) COMMENT 'new, lost, moved or same',
    label             Int8 COMMENT '1 when people say that it is real, -1 that it is none, else 0',
    machine_id        UInt32,
    metric            LowCardinality(String),
    test_id           UInt32,
    order_id          UInt32,
    previous_order_id UInt32,
    direction         LowCardinality(String),
    kind              LowCardinality(String),
    before            Float64,
    after             Float64,
    spread            Float64,
    effect            Float64,
    effect_low        Float64,
    effect_high       Float64,
    statistic         Float64,
    p_value           Float64,
    finding_id        UUID COMMENT 'what stands there, zero for none',
    change_id         UInt32,
    finding_order_id  UInt32,
    moved_orders      Int32 COMMENT 'orders of the machine from what stands to what was found',
    created_at        DateTime64(3, 'UTC') COMMENT 'of the backtest'
)
ENGINE = ReplacingMergeTree
ORDER BY (database, suite, backtest_id, attempt, number)
TTL toDateTime(created_at) + INTERVAL 90 DAY
