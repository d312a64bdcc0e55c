CREATE TABLE IF NOT EXISTS machines
(
    database   LowCardinality(String),
    suite      LowCardinality(String),
    machine_id UInt32,
    seq        UInt64,
    name       String,
    fields     Map(String, String) COMMENT 'attributes the suite declares',
    params     String COMMENT 'JSON object of all other attributes',
    deleted    UInt8,
    merged_into UInt32 COMMENT '0, or the machine whose runs its runs are now'
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, machine_id)
SETTINGS non_replicated_deduplication_window = 1000
