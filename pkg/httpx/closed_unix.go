//go:build unix

package httpx

import (
	"errors"
	"syscall"
)

// closed says whether the other side has closed a connection, without taking anything from it.
func closed(conn syscall.RawConn) bool {
	gone := false
	err := conn.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		case err != nil, n == 0:
			gone = true
		}
	})
	return gone && err == nil
}
