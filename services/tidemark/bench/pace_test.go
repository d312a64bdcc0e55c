package bench_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pace prints how long the machine takes for three pieces of work that never change: figures of two runs compare as far as these do.
// Virtual machines share their cores and disks with strangers, and one that took 75 ms an hour ago takes 120 now.
func pace(b *testing.B, when string) {
	b.Helper()
	fmt.Printf("  the machine's pace %s: hashing 32 MiB %.1f ms, ten files synced %.1f ms, three hundred made %.1f ms\n", when, hashing(), syncing(b), making(b))
}

// hashing is the best of three, so that what else runs for a moment is left out.
func hashing() float64 {
	data := make([]byte, 32<<20)
	best := time.Hour
	for range 3 {
		began := time.Now()
		sha256.Sum256(data)
		best = min(best, time.Since(began))
	}
	return float64(best.Microseconds()) / 1000
}

// syncing is the best of three rounds of ten files.
func syncing(b *testing.B) float64 {
	dir := b.TempDir()
	data := make([]byte, 64<<10)
	best := time.Hour
	for round := range 3 {
		began := time.Now()
		for i := range 10 {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(round, i)))
			if err != nil {
				b.Fatal(err)
			}
			if _, err = f.Write(data); err == nil {
				err = f.Sync()
			}
			if closed := f.Close(); err != nil || closed != nil {
				b.Fatal(err, closed)
			}
		}
		best = min(best, time.Since(began))
	}
	return float64(best.Microseconds()) / 1000
}

// making is one round of three hundred small files in a folder of their own: ext4 without a journal passes over the places of files
// deleted a minute ago, and takes up to four times as long where there were many.
func making(b *testing.B) float64 {
	dir := b.TempDir()
	began := time.Now()
	for i := range 300 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte{'x'}, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return float64(time.Since(began).Microseconds()) / 1000
}
