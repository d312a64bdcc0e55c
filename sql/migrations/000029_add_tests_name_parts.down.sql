ALTER TABLE tests DROP INDEX IF EXISTS tests_name_parts
