package clickhouse

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// native is libchdb's C interface. Handles are opaque; strings go in as pointer and
// length, so statements and parameters may hold NUL bytes.
type native struct {
	connect   func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn func(conn unsafe.Pointer)
	query     func(conn uintptr, q unsafe.Pointer, qn uint, f unsafe.Pointer, fn uint,
		names, nameLens, values, valueLens unsafe.Pointer, n uint) uintptr
	streamQuery func(conn uintptr, q unsafe.Pointer, qn uint, f unsafe.Pointer, fn uint,
		names, nameLens, values, valueLens unsafe.Pointer, n uint) uintptr
	streamFetch  func(conn, stream uintptr) uintptr
	streamCancel func(conn, stream uintptr)
	streamInsert func(conn uintptr, q unsafe.Pointer, qn uint, f unsafe.Pointer, fn uint,
		names, nameLens, values, valueLens unsafe.Pointer, n uint) uintptr
	insertAppend  func(stream uintptr, data unsafe.Pointer, n uint) int32
	insertDone    func(stream uintptr) uintptr
	insertCancel  func(stream uintptr)
	insertError   func(stream uintptr) string
	insertDestroy func(stream uintptr)
	classify      func(conn uintptr, q unsafe.Pointer, qn uint, db unsafe.Pointer, dbn uint, out unsafe.Pointer) int32

	resultBuffer  func(result uintptr) unsafe.Pointer
	resultLength  func(result uintptr) uint
	resultError   func(result uintptr) string
	resultRead    func(result uintptr) uint64
	resultWritten func(result uintptr) uint64
	resultDestroy func(result uintptr)

	setSignalHandlers func(enabled int32)
}

var (
	loadMu     sync.Mutex
	loaded     *native
	loadedPath string
)

// load opens libchdb once per process. A second path is refused: two engines in one
// process would share nothing but the signal handlers and the allocator.
func load(path string) (n *native, err error) {
	loadMu.Lock()
	defer loadMu.Unlock()
	if loaded != nil {
		if path != loadedPath {
			return nil, fmt.Errorf("libchdb %s is loaded already, cannot load %s", loadedPath, path)
		}
		return loaded, nil
	}
	// The loader keeps the reason of a failure for the thread that failed, which must be the one that asks for it.
	runtime.LockOSThread()
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	runtime.UnlockOSThread()
	if err != nil {
		return nil, fmt.Errorf("load libchdb from %s: %w", path, err)
	}
	n = &native{}
	var missing []error
	for name, target := range map[string]any{
		"chdb_connect":                     &n.connect,
		"chdb_close_conn":                  &n.closeConn,
		"chdb_query_with_params_n":         &n.query,
		"chdb_stream_query_with_params_n":  &n.streamQuery,
		"chdb_stream_fetch_result":         &n.streamFetch,
		"chdb_stream_cancel_query":         &n.streamCancel,
		"chdb_stream_insert_with_params_n": &n.streamInsert,
		"chdb_stream_append":               &n.insertAppend,
		"chdb_stream_done":                 &n.insertDone,
		"chdb_stream_cancel_insert":        &n.insertCancel,
		"chdb_stream_insert_error":         &n.insertError,
		"chdb_destroy_insert_stream":       &n.insertDestroy,
		"chdb_classify_query_n":            &n.classify,
		"chdb_result_buffer":               &n.resultBuffer,
		"chdb_result_length":               &n.resultLength,
		"chdb_result_error":                &n.resultError,
		"chdb_result_rows_read":            &n.resultRead,
		"chdb_result_rows_written":         &n.resultWritten,
		"chdb_destroy_query_result":        &n.resultDestroy,
		"chdb_set_signal_handlers_enabled": &n.setSignalHandlers,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			missing = append(missing, fmt.Errorf("%s has no %s", path, name))
			continue
		}
		purego.RegisterFunc(target, symbol)
	}
	if err := errors.Join(missing...); err != nil {
		return nil, fmt.Errorf("load libchdb: a version this program was not made for: %w", err)
	}
	loaded, loadedPath = n, path
	return n, nil
}

// parameters are query parameters in the shape the C interface takes them. Everything
// is pinned until free.
type parameters struct {
	lens     []uint // of the names, then of the values
	namesAt  unsafe.Pointer
	valuesAt unsafe.Pointer
	pinner   runtime.Pinner
}

func newParameters(from map[string]string) *parameters {
	p := &parameters{}
	if len(from) == 0 {
		return p
	}
	n := len(from)
	p.lens = make([]uint, 2*n)
	at := make([]unsafe.Pointer, 2*n)
	i := 0
	for name, value := range from {
		p.lens[i], p.lens[n+i] = uint(len(name)), uint(len(value))
		at[i], at[n+i] = p.pin(name), p.pin(value)
		i++
	}
	p.pinner.Pin(&at[0])
	p.pinner.Pin(&p.lens[0])
	p.namesAt, p.valuesAt = unsafe.Pointer(&at[0]), unsafe.Pointer(&at[n])
	return p
}

// pin copies text with a byte after it, so that an empty one has an address too.
func (p *parameters) pin(text string) unsafe.Pointer {
	b := append([]byte(text), 0)
	p.pinner.Pin(&b[0])
	return unsafe.Pointer(&b[0])
}

func (p *parameters) count() uint { return uint(len(p.lens) / 2) }

func (p *parameters) nameLensAt() unsafe.Pointer {
	if len(p.lens) == 0 {
		return nil
	}
	return unsafe.Pointer(&p.lens[0])
}

func (p *parameters) valueLensAt() unsafe.Pointer {
	if len(p.lens) == 0 {
		return nil
	}
	return unsafe.Pointer(&p.lens[len(p.lens)/2])
}

func (p *parameters) free() { p.pinner.Unpin() }

// bytesAt is the address of b, never nil.
func bytesAt(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		b = []byte{0}
	}
	return unsafe.Pointer(unsafe.SliceData(b))
}

// copyResult copies a result's bytes out of the engine's memory.
func (n *native) copyResult(result uintptr) []byte {
	size := n.resultLength(result)
	if size == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(n.resultBuffer(result)), size)...)
}
