package client

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stdinName is what names standard input among the files.
const stdinName = "-"

// expand replaces folders by the reports below them, in lexical order; files given by name are taken whatever they are called.
func expand(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		info, err := os.Stat(name)
		if name == stdinName || err != nil || !info.IsDir() {
			files = append(files, name) // what cannot be read says so in its own result
			continue
		}
		below, err := reportsBelow(name)
		if err != nil {
			return nil, err
		}
		if len(below) == 0 {
			return nil, fmt.Errorf("%s: no reports in this folder", name)
		}
		files = append(files, below...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files to submit")
	}
	return files, nil
}

func reportsBelow(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && isReportName(entry.Name()) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	return files, nil
}

func isReportName(name string) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".zst")
	return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".plist")
}

// maxFile bounds what is read of a file, in bytes, and maxContent what it decompresses to; no server takes as much.
const (
	maxFile    = 256 << 20
	maxContent = 1 << 30
)

func readFile(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != stdinName {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	return data, nil
}
