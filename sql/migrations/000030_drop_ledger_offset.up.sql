-- Offsets are looked for once, when a partition of the log is taken over, and are a few bytes a row. For that the index was two files to
-- make and to sync in every insert.
ALTER TABLE ledger DROP INDEX IF EXISTS ledger_offset
