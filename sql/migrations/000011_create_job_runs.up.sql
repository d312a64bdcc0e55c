CREATE TABLE IF NOT EXISTS job_runs
(
    job          LowCardinality(String),
    database     LowCardinality(String),
    suite        LowCardinality(String),
    slot_at      DateTime64(3, 'UTC') COMMENT 'time the slot stands for',
    started_at   DateTime64(3, 'UTC'),
    took_ms      Float64,
    from_seq     UInt64 COMMENT 'data seen before this slot',
    to_seq       UInt64 COMMENT 'data seen with this slot',
    rows         UInt64 COMMENT 'rows the job produced',
    missed_slots UInt32 COMMENT 'slots passed over since the one before',
    error        String
)
ENGINE = ReplacingMergeTree(started_at)
ORDER BY (job, database, suite, slot_at)
SETTINGS non_replicated_deduplication_window = 1000
