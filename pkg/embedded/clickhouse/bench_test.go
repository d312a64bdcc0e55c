package clickhouse_test

import (
	"testing"

	"tidemark/pkg/testkit/clickhousetest"
)

// The whole way of a trivial statement: driver, HTTP, session, engine and back.
func BenchmarkDial_TrivialSelect(b *testing.B) {
	conn := clickhousetest.Open(b, engine.Dial)
	for b.Loop() {
		var one uint8
		if err := conn.QueryRow(b.Context(), "SELECT 1").Scan(&one); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDial_TrivialSelect_Parallel(b *testing.B) {
	conn := clickhousetest.Open(b, engine.Dial)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var one uint8
			if err := conn.QueryRow(b.Context(), "SELECT 1").Scan(&one); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkDial_SmallInsert(b *testing.B) {
	conn := clickhousetest.Open(b, engine.Dial)
	if err := conn.Exec(b.Context(), "CREATE TABLE small (n UInt32) ENGINE = MergeTree ORDER BY n"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO small")
		if err != nil {
			b.Fatal(err)
		}
		_ = batch.Append(uint32(1))
		if err := batch.Send(); err != nil {
			b.Fatal(err)
		}
	}
}
