-- Search looks for a part of a name among a million: parts of the table without its runs of four characters are passed over.
ALTER TABLE tests ADD INDEX IF NOT EXISTS tests_name_parts lower(name) TYPE ngrambf_v1(4, 32768, 2, 0) GRANULARITY 1
