// Package clickhouse runs the ClickHouse engine inside this process and serves
// ClickHouse's HTTP interface over it.
//
// The engine is libchdb, loaded without cgo; one process holds one engine on one
// data folder. Our own code talks to it with clickhouse-go through [Engine.Dial],
// without a socket and with every right. People, curl and Grafana talk to
// [Engine.ServeReadOnly], where a statement can read tables within bounds and
// nothing else: no writes, no files, no network, no settings that loosen a bound.
// A statement whose client has gone is stopped.
package clickhouse
