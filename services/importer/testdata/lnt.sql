-- The tables of an LNT 0.4.20 database, cut down to what is read, with a suite whose names need quoting.
CREATE TABLE "SchemaVersion" ("Name" VARCHAR(256) NOT NULL, "Version" INTEGER, PRIMARY KEY ("Name"));
CREATE TABLE "SampleType" ("ID" INTEGER NOT NULL, "Name" VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "TestSuite" ("ID" INTEGER NOT NULL, "Name" VARCHAR(256), "DBKeyName" VARCHAR(256), "Version" VARCHAR(16), PRIMARY KEY ("ID"));
CREATE TABLE "TestSuiteMachineFields" ("ID" INTEGER NOT NULL, "TestSuiteID" INTEGER, "Name" VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "TestSuiteOrderFields" ("ID" INTEGER NOT NULL, "TestSuiteID" INTEGER, "Name" VARCHAR(256), "Ordinal" INTEGER, PRIMARY KEY ("ID"));
CREATE TABLE "TestSuiteRunFields" ("ID" INTEGER NOT NULL, "TestSuiteID" INTEGER, "Name" VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "TestSuiteSampleFields" ("ID" INTEGER NOT NULL, "TestSuiteID" INTEGER, "Name" VARCHAR(256), "Type" INTEGER, status_field INTEGER, bigger_is_better INTEGER, ignore_same_hash INTEGER, PRIMARY KEY ("ID"));
CREATE TABLE "TestSuiteJSONSchemas" ("TestSuiteName" VARCHAR(256) NOT NULL, "JSONSchema" BLOB, PRIMARY KEY ("TestSuiteName"));
CREATE TABLE "odd_Machine" ("ID" INTEGER NOT NULL, "Name" VARCHAR(256), "Parameters" BLOB, "order" VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "odd_Order" ("ID" INTEGER NOT NULL, "NextOrder" INTEGER, "PreviousOrder" INTEGER, llvm_project_revision VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "odd_Test" ("ID" INTEGER NOT NULL, "Name" VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "odd_Run" ("ID" INTEGER NOT NULL, "MachineID" INTEGER, "OrderID" INTEGER, "ImportedFrom" VARCHAR(512), "StartTime" DATETIME, "EndTime" DATETIME, "SimpleRunID" INTEGER, "Parameters" BLOB, git_sha VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "odd_Profile" ("ID" INTEGER NOT NULL, "CreatedTime" DATETIME, "AccessedTime" DATETIME, "Filename" VARCHAR(256), "Counters" VARCHAR(512), PRIMARY KEY ("ID"));
CREATE TABLE "odd_Sample" ("ID" INTEGER NOT NULL, "RunID" INTEGER, "TestID" INTEGER, "ProfileID" INTEGER, "select" FLOAT, passed INTEGER, checksum VARCHAR(256), PRIMARY KEY ("ID"));
CREATE TABLE "odd_FieldChangeV2" ("ID" INTEGER NOT NULL, "OldValue" FLOAT, "NewValue" FLOAT, "StartOrderID" INTEGER, "EndOrderID" INTEGER, "TestID" INTEGER, "MachineID" INTEGER, "FieldID" INTEGER, "RunID" INTEGER, PRIMARY KEY ("ID"));
CREATE TABLE "odd_Regression" ("ID" INTEGER NOT NULL, "Title" VARCHAR(256), "BugLink" VARCHAR(256), "State" INTEGER, PRIMARY KEY ("ID"));
CREATE TABLE "odd_RegressionIndicator" ("ID" INTEGER NOT NULL, "RegressionID" INTEGER, "FieldChangeID" INTEGER, PRIMARY KEY ("ID"));
CREATE TABLE "odd_ChangeIgnore" ("ID" INTEGER NOT NULL, "ChangeIgnoreID" INTEGER, PRIMARY KEY ("ID"));
CREATE TABLE "odd_Baseline" ("ID" INTEGER NOT NULL, "Name" VARCHAR(32), "Comment" VARCHAR(256), "OrderID" INTEGER, PRIMARY KEY ("ID"));
INSERT INTO "SchemaVersion" VALUES ('__core__', 18);
INSERT INTO "SampleType" VALUES (1, 'Real'), (2, 'Status'), (3, 'Hash');
INSERT INTO "TestSuite" VALUES (1, 'odd', 'odd', '0.4');
INSERT INTO "TestSuiteMachineFields" VALUES (1, 1, 'order');
INSERT INTO "TestSuiteOrderFields" VALUES (1, 1, 'llvm_project_revision', 0);
INSERT INTO "TestSuiteRunFields" VALUES (1, 1, 'git_sha');
INSERT INTO "TestSuiteSampleFields" VALUES (1, 1, 'passed', 2, NULL, NULL, 0), (2, 1, 'select', 1, 1, 1, 1), (3, 1, 'checksum', 3, NULL, 0, 0);
INSERT INTO "TestSuiteJSONSchemas" VALUES ('odd', CAST('{"metrics": [{"name": "select", "type": "Real", "display_name": "Selected", "unit": "things", "unit_abbrev": "th"}, {"name": "passed", "type": "Status"}]}' AS BLOB));
INSERT INTO "odd_Machine" VALUES (3, 'm', CAST('[["cores", 8], ["limit", NaN], ["none", null], ["digits", 12345678901234567890]]' AS BLOB), 'first'), (5, 'idle', CAST('[]' AS BLOB), NULL);
INSERT INTO "odd_Order" VALUES (2, NULL, NULL, '10'), (4, NULL, NULL, '11'), (6, NULL, NULL, '10');
INSERT INTO "odd_Test" VALUES (1, 'a'), (7, 'b'), (8, 'without samples');
INSERT INTO "odd_Profile" VALUES (1, NULL, NULL, '/srv/lnt/data/profiles/t-a-s-x.lntprof', 'cycles=1'), (2, NULL, NULL, 'gone.lntprof', 'cycles=1');
INSERT INTO "odd_Run" VALUES
	(9, 3, 2, NULL, '2026-01-02 03:04:05.000678', '2026-01-02 03:00:00.000000', NULL, CAST('[["ok", true], ["list", [1, "x"]]]' AS BLOB), 'abc'),
	(12, 3, 4, NULL, NULL, NULL, NULL, CAST('[]' AS BLOB), NULL),
	(13, 3, 6, NULL, '2026-01-03 00:00:00.000000', '2026-01-03 00:00:01.000000', NULL, CAST('[]' AS BLOB), NULL);
INSERT INTO "odd_Sample" VALUES
	(20, 9, 1, 1, 1, 0, 'h'), (21, 9, 1, NULL, NULL, NULL, NULL), (22, 9, 1, NULL, 0.1, NULL, NULL), (23, 9, 7, 2, NULL, 1, NULL), (24, 9, 1, NULL, 9e999, 7, NULL), (25, 9, 7, NULL, NULL, NULL, NULL);
INSERT INTO "odd_FieldChangeV2" VALUES (1, 1.5, 3, 2, 4, 1, 3, 2, 12), (2, 1, 2, 2, 4, 7, 3, 2, 12);
INSERT INTO "odd_Regression" VALUES (4, 'Regression of 1 benchmarks', 'https://bugs.example.org/1', 10);
INSERT INTO "odd_RegressionIndicator" VALUES (1, 4, 1);
INSERT INTO "odd_ChangeIgnore" VALUES (1, 2);
INSERT INTO "odd_Baseline" VALUES (1, 'release', 'as shipped', 4);
