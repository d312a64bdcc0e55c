// Package projector turns the log into tables: it decides each event in the order of the log, stores batches of decisions
// in the ledger, moves the group's position and publishes the outcomes.
//
// An event is counted once, whatever is repeated and by whom: decisions are deterministic, rows are keyed by suite and
// position, and a batch is repeated as it is until it is stored. The position moves only behind stored rows, an outcome is
// published only after its rows are readable. Nothing is skipped: what cannot be read becomes a refused row with its bytes,
// what cannot be stored holds the partition and says so. Memory is bounded by two batches and one fetch per partition.
package projector
