//go:build !unix

package httpx

import "syscall"

// closed is not known here: the deadline ends what nobody waits for.
func closed(syscall.RawConn) bool { return false }
