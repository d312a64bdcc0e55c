CREATE TABLE IF NOT EXISTS runs
(
    database        LowCardinality(String),
    suite           LowCardinality(String),
    run_id          UInt32,
    seq             UInt64 COMMENT 'position of the event that wrote this row',
    load_id         UInt32,
    machine_id      UInt32,
    order_id        UInt32,
    start_at        DateTime64(6, 'UTC'),
    end_at          DateTime64(6, 'UTC'),
    received_at     DateTime64(3, 'UTC'),
    fields          Map(String, String),
    params          String COMMENT 'JSON object',
    first_sample_id UInt64,
    sample_rows     UInt32,
    sample_count    UInt32 COMMENT 'values of Real metrics',
    event_id        UUID,
    ignore_regressions UInt8 COMMENT '1 when detectors should not look at the run',
    deleted         UInt8
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, run_id)
SETTINGS non_replicated_deduplication_window = 1000
