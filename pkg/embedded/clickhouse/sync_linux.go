package clickhouse

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFilesystem writes the file system that holds the folder to the disk.
func syncFilesystem(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}
