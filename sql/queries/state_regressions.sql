-- name: state_regressions
-- purpose: the regressions of one suite as they are now, deleted ones too.
-- params: database String, suite String
SELECT
    regression_id,
    title,
    bug,
    state,
    change_ids,
    added,
    deleted,
    uuid,
    last_seq,
    opened_seq,
    detector,
    kind,
    cause,
    owner,
    tags,
    note,
    start_order_id,
    end_order_id,
    merged_into,
    touched,
    titled,
    recovered,
    former_state
FROM v_ledger_regressions
WHERE database = {database:String} AND suite = {suite:String}
ORDER BY regression_id
