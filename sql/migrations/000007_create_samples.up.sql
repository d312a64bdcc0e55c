-- samples: the values of Real metrics, one series after the other.
CREATE TABLE IF NOT EXISTS samples
(
    database   LowCardinality(String),
    suite      LowCardinality(String),
    machine_id UInt32,
    metric     LowCardinality(String),
    test_id    UInt32,
    order_id   UInt32,
    load_id    UInt32,
    row        UInt32 COMMENT 'position among the sample rows of its run',
    run_id     UInt32,
    value      Float64 CODEC(ZSTD(1)),
    failed     UInt8 COMMENT '1 when the status linked to the metric says FAIL'
)
ENGINE = ReplacingMergeTree
ORDER BY (database, suite, machine_id, metric, test_id, order_id, load_id, row)
SETTINGS non_replicated_deduplication_window = 1000
