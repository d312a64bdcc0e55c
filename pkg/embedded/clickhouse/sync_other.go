//go:build !linux

package clickhouse

import "golang.org/x/sys/unix"

// syncFilesystem writes all file systems to the disk.
func syncFilesystem(string) error { return unix.Sync() }
