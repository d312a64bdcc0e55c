CREATE TABLE IF NOT EXISTS orders
(
    database LowCardinality(String),
    suite    LowCardinality(String),
    order_id UInt32,
    seq      UInt64,
    name     String COMMENT 'as people write it',
    values   Array(String) COMMENT 'one per order field of the suite',
    sort_key String COMMENT 'compares as bytes in the order of the commits'
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, order_id)
SETTINGS non_replicated_deduplication_window = 1000
