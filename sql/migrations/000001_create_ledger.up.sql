-- ledger: one row per event of a suite, with the bytes as they came and what was decided.
-- The archive of record: every other table is filled from it by views and can be rebuilt from it.
-- Small granules, because the usual read is one run (one row) by its position.
-- The projection holds v_positions, whose expressions must be these word for word: how far each suite goes is asked all the time, and must not cost a scan.
CREATE TABLE IF NOT EXISTS ledger
(
    database          LowCardinality(String),
    suite             LowCardinality(String),
    seq               UInt64 COMMENT 'position of the event in its suite, from 1',
    event_id          UUID,
    event_type        LowCardinality(String),
    event_version     UInt16,
    topic             LowCardinality(String),
    partition         UInt32,
    offset            UInt64,
    received_at       DateTime64(3, 'UTC'),
    stored_at         DateTime64(3, 'UTC') COMMENT 'when the projector wrote the row',
    actor             String,
    request_id        String,
    content_type      LowCardinality(String),
    params            Map(String, String),
    body              String CODEC(ZSTD(3)),
    body_digest       UInt64,
    body_bytes        UInt64 MATERIALIZED length(body),

    status            LowCardinality(String) COMMENT 'accepted, rejected or duplicate',
    code              UInt16 COMMENT 'HTTP status of a refusal, else 0',
    error             String,
    message           String,
    field             String,
    duplicate_of      UUID,
    added_machines    Int32,
    added_runs        Int32,
    added_tests       Int32,
    added_samples     Int32,

    suite_schema      String COMMENT 'JSON, set when the suite is new or changed',
    machine_row_id      Array(UInt32),
    machine_row_name    Array(String),
    machine_row_fields  Array(String) COMMENT 'JSON object of strings',
    machine_row_params  Array(String) COMMENT 'JSON object',
    machine_row_deleted Array(UInt8),
    machine_row_merged_into Array(UInt32) COMMENT '0, or the machine whose runs its runs are now',
    order_row_id        Array(UInt32),
    order_row_name      Array(String),
    order_row_values    Array(Array(String)),
    order_row_sort_key  Array(String),
    test_row_id         Array(UInt32),
    test_row_name       Array(String),
    deleted_run_id      Array(UInt32),
    superseded_load_id  Array(UInt32),
    finding_rows        Array(String) COMMENT 'JSON objects',
    regression_rows     Array(String) COMMENT 'JSON objects',

    run_id            UInt32 COMMENT '0 when the event brought no run',
    load_id           UInt32 COMMENT 'generation of the run: a replaced run keeps its run_id and gets a new load_id',
    machine_id        UInt32,
    order_id          UInt32,
    start_at          DateTime64(6, 'UTC'),
    end_at            DateTime64(6, 'UTC'),
    run_fields        String COMMENT 'JSON object of strings',
    run_params        String COMMENT 'JSON object',
    first_sample_id   UInt64,
    row_test_id       Array(UInt32) COMMENT 'test of each sample row',
    sample_row        Array(UInt32),
    sample_test_id    Array(UInt32),
    sample_metric     Array(LowCardinality(String)),
    sample_value      Array(Float64) CODEC(ZSTD(1)),
    sample_failed     Array(UInt8),
    text_row          Array(UInt32),
    text_test_id      Array(UInt32),
    text_metric       Array(LowCardinality(String)),
    text_value        Array(String),
    profile_row       Array(UInt32) COMMENT 'sample rows with a profile, whose bytes are in body',
    profile_test_id   Array(UInt32),
    profile_counters  Array(String) COMMENT 'a=1,b=2',

    INDEX ledger_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 64,
    INDEX ledger_offset (partition, offset) TYPE minmax GRANULARITY 16,
    PROJECTION ledger_positions
    (
        SELECT
            database,
            suite,
            max(seq),
            maxIf(seq, run_id > 0 OR arrayMax(deleted_run_id) > 0),
            maxIf(seq, arrayMax(machine_row_merged_into) > 0)
        GROUP BY database, suite
    )
)
ENGINE = ReplacingMergeTree
ORDER BY (database, suite, seq)
-- The log's position moves on once a row is here, so the row has to be on the disk. The tables behind can be filled again.
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 64, index_granularity_bytes = 4194304, non_replicated_deduplication_window = 1000, deduplicate_merge_projection_mode = 'rebuild'
