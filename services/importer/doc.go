// Package importer brings the history of an LNT server into Tidemark: over LNT's REST, or from its database. Runs go in ascending
// order of their ids, through the same door as every other submission, so the ledger holds them like everything else. A run is sent
// under an Idempotency-Key made of the source and its id: whatever is interrupted or repeated, it counts once. What cannot be
// carried over is counted and said. At the end both sides are asked what they have, and [Different] names the first disagreement.
package importer
