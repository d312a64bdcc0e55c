// Package clickhousetest is what the store asks of a ClickHouse, as tests: types, awkward
// strings in parameters, large batches, errors, cancellation, settings, many clients.
//
// Run holds any engine to it through clickhouse-go over HTTP. Where TIDEMARK_TEST_CLICKHOUSE
// names a server (http://user:password@host:8123/database), the suite runs against that instead.
package clickhousetest
