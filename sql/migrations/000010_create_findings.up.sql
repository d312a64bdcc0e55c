CREATE TABLE IF NOT EXISTS findings
(
    database          LowCardinality(String),
    suite             LowCardinality(String),
    finding_id        UUID,
    change_id         UInt32 COMMENT 'serial in the suite, from 1',
    seq               UInt64,
    machine_id        UInt32,
    metric            LowCardinality(String),
    test_id           UInt32,
    order_id          UInt32 COMMENT 'first order after the change',
    previous_order_id UInt32 COMMENT 'last order before the change',
    direction         LowCardinality(String) COMMENT 'up or down',
    kind              LowCardinality(String) COMMENT 'regression or improvement',
    before            Float64,
    after             Float64,
    spread            Float64 COMMENT 'standard deviation of one order around its level',
    effect            Float64 COMMENT '(after - before) / before',
    statistic         Float64,
    p_value           Float64,
    detector          LowCardinality(String),
    detector_version  UInt16,
    detector_params   String COMMENT 'JSON object',
    data_seq          UInt64 COMMENT 'position of the data the detector saw',
    found_at          DateTime64(3, 'UTC'),
    active            UInt8 COMMENT '0 when later data took the finding back',
    dismissed         UInt8 COMMENT '1 when people said that it is none'
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY (database, suite, finding_id)
SETTINGS non_replicated_deduplication_window = 1000
