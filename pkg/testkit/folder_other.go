//go:build !linux

package testkit

import "os"

func engineFolder() (string, error) { return os.MkdirTemp("", folderPrefix) }
