package clickhouse

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// keepSignals runs fn and puts every signal's handler back to what it was before.
//
// The engine's start, and the call that tells it to keep away from signals, reset
// handlers the Go runtime depends on: SIGSEGV for nil checks, SIGURG for pre-emption.
func keepSignals(fn func()) error {
	libc := "libc.so.6"
	if runtime.GOOS == "darwin" {
		libc = "/usr/lib/libSystem.B.dylib"
	}
	handle, err := purego.Dlopen(libc, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load libc: %w", err)
	}
	symbol, err := purego.Dlsym(handle, "sigaction")
	if err != nil {
		return fmt.Errorf("find sigaction: %w", err)
	}
	var sigaction func(signal int32, set, get unsafe.Pointer) int32
	purego.RegisterFunc(&sigaction, symbol)

	// struct sigaction is at most 152 bytes on the systems we know.
	const last = 64
	saved := make([][256]byte, last+1)
	known := make([]bool, last+1)
	for signal := int32(1); signal <= last; signal++ {
		known[signal] = sigaction(signal, nil, unsafe.Pointer(&saved[signal])) == 0
	}
	fn()
	for signal := int32(1); signal <= last; signal++ {
		if known[signal] {
			sigaction(signal, unsafe.Pointer(&saved[signal]), nil)
		}
	}
	runtime.KeepAlive(saved)
	return nil
}
