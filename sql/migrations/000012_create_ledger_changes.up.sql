-- ledger_changes: what an event changes beside bringing a run. Nothing is kept here: the views that fill the small tables hang on it
-- instead of on the ledger, because most events have nothing for them and each view costs every insert.
CREATE TABLE IF NOT EXISTS ledger_changes
(
    database                LowCardinality(String),
    suite                   LowCardinality(String),
    seq                     UInt64,
    event_id                UUID,
    received_at             DateTime64(3, 'UTC'),
    actor                   String,
    suite_schema            String,
    machine_row_id          Array(UInt32),
    machine_row_name        Array(String),
    machine_row_fields      Array(String),
    machine_row_params      Array(String),
    machine_row_deleted     Array(UInt8),
    machine_row_merged_into Array(UInt32),
    test_row_id             Array(UInt32),
    test_row_name           Array(String),
    deleted_run_id          Array(UInt32),
    superseded_load_id      Array(UInt32),
    finding_rows            Array(String),
    regression_rows         Array(String),
    record_rows             Array(String),
    machine_id              UInt32,
    order_id                UInt32
)
ENGINE = Null
