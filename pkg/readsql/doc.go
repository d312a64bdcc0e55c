// Package readsql is the one gate for SQL that people write: read-only, over the documented v_* views,
// within bounds of time, memory, rows, bytes, statements at once and per minute.
//
// A [Gate] stands before ClickHouse's HTTP interface, the embedded engine's or a server's; behind it
// the engine holds the statement to a read-only user as well. [Guard], [Limits] and [NewTurns] also serve
// the embedded engine's own read-only port.
package readsql
