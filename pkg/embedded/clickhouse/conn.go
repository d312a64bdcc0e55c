package clickhouse

import (
	"io"
	"runtime"
	"sync"
	"unsafe"
)

// conn is one connection of the library. It runs one statement at a time.
type conn struct {
	native *native
	handle unsafe.Pointer
	id     uintptr
}

// dial connects; nil when the engine refuses.
func (n *native) dial(args []string) *conn {
	argv := make([]unsafe.Pointer, len(args))
	var pinner runtime.Pinner
	defer pinner.Unpin()
	for i, arg := range args {
		text := append([]byte(arg), 0)
		pinner.Pin(&text[0])
		argv[i] = unsafe.Pointer(&text[0])
	}
	handle := n.connect(int32(len(args)), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if handle == nil {
		return nil
	}
	return &conn{native: n, handle: handle, id: *(*uintptr)(handle)}
}

func (c *conn) close() { c.native.closeConn(c.handle) }

// query runs a statement and returns its whole answer.
func (c *conn) query(statement, format string, params map[string]string) ([]byte, error) {
	p := newParameters(params)
	defer p.free()
	q, f := []byte(statement), []byte(format)
	return c.take(c.native.query(c.id, bytesAt(q), uint(len(q)), bytesAt(f), uint(len(f)),
		p.namesAt, p.nameLensAt(), p.valuesAt, p.valueLensAt(), p.count()))
}

// take copies what a result says and destroys it.
func (c *conn) take(result uintptr) ([]byte, error) {
	defer c.native.resultDestroy(result)
	if text := c.native.resultError(result); text != "" {
		return nil, newException(text)
	}
	return c.native.copyResult(result), nil
}

// stream runs a SELECT and hands its answer over chunk by chunk, each a copy. The
// chunks are documents of their own: use it with formats that can be concatenated.
func (c *conn) stream(statement, format string, params map[string]string, each func([]byte) error) error {
	p := newParameters(params)
	q, f := []byte(statement), []byte(format)
	stream := c.native.streamQuery(c.id, bytesAt(q), uint(len(q)), bytesAt(f), uint(len(f)),
		p.namesAt, p.nameLensAt(), p.valuesAt, p.valueLensAt(), p.count())
	p.free()
	defer c.native.resultDestroy(stream)
	if text := c.native.resultError(stream); text != "" {
		return newException(text)
	}
	for {
		chunk, err := c.take(c.native.streamFetch(c.id, stream))
		if err != nil || len(chunk) == 0 {
			return err
		}
		if err := each(chunk); err != nil {
			c.native.streamCancel(c.id, stream)
			return err
		}
	}
}

var insertBuffers = sync.Pool{New: func() any { b := make([]byte, 1<<20); return &b }}

// insert appends everything data holds, in the format, to the table the statement names.
// An error while reading data commits nothing that was not yet flushed. Returns rows written, those of views included.
func (c *conn) insert(statement, format string, params map[string]string, data io.Reader) (rows uint64, err error) {
	p := newParameters(params)
	q, f := []byte(statement), []byte(format)
	stream := c.native.streamInsert(c.id, bytesAt(q), uint(len(q)), bytesAt(f), uint(len(f)),
		p.namesAt, p.nameLensAt(), p.valuesAt, p.valueLensAt(), p.count())
	p.free()
	defer c.native.insertDestroy(stream)
	if text := c.native.insertError(stream); text != "" {
		return 0, newException(text)
	}
	held := insertBuffers.Get().(*[]byte)
	defer insertBuffers.Put(held)
	buffer := *held
	for {
		n, readErr := fill(data, buffer)
		if n > 0 && c.native.insertAppend(stream, bytesAt(buffer[:n]), uint(n)) != 0 {
			break // the reason comes with the result
		}
		if readErr == io.EOF { //nolint:errorlint // only a bare io.EOF is the end; one that is wrapped is data cut short
			break
		}
		if readErr != nil {
			c.native.insertCancel(stream)
			return 0, readErr
		}
	}
	result := c.native.insertDone(stream)
	defer c.native.resultDestroy(result)
	if text := c.native.resultError(result); text != "" {
		return 0, newException(text)
	}
	return c.native.resultWritten(result), nil
}

// fill reads until buffer is full or data ends. Unlike io.ReadFull it keeps the end of data
// (io.EOF) apart from a client that went away in the middle (io.ErrUnexpectedEOF).
func fill(data io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var read int
		read, err = data.Read(buffer[n:])
		n += read
	}
	return n, err
}

// The classes of statements the engine's parser knows.
const (
	classReadOnly = 0
	classUnknown  = 4
)

// analysis is chdb_query_analysis_v1.
type analysis struct{ size, statements, flags, class uint32 }

// classify parses a statement without running it. Text that does not parse is classUnknown.
func (c *conn) classify(statement string) analysis {
	out := &analysis{class: classUnknown}
	out.size = uint32(unsafe.Sizeof(*out))
	q := []byte(statement)
	if c.native.classify(c.id, bytesAt(q), uint(len(q)), nil, 0, unsafe.Pointer(out)) != 0 {
		return analysis{class: classUnknown}
	}
	return *out
}
