// Package schema brings a ClickHouse database to the tables and views this
// binary knows, and is the only importer of golang-migrate.
//
// Numbered files run once, in order, one statement each, and may be repeated
// harmlessly; on a fresh database also after later ones, because a migration from
// nothing that was cut off starts over. Reading views are created again on every
// migrate. A database that is newer than the binary is left alone and refused.
package schema
