package bounds

import "context"

// What a statement had too much of.
const (
	Memory = "memory"
	Time   = "time"
	Rows   = "rows read"
	Bytes  = "bytes"
	Answer = "rows or bytes of the answer"
	Disk   = "disk"
)

// Beyond is how answers to statements of people say that one reached a bound; what follows says which.
const Beyond = "goes beyond a bound"

// codes are the engine's codes that mean that a bound was reached, by name: TOO_MANY_ROWS, TIMEOUT_EXCEEDED, TOO_SLOW, SOCKET_TIMEOUT,
// MEMORY_LIMIT_EXCEEDED, NOT_ENOUGH_SPACE, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES.
var codes = map[int]string{
	158: Rows, 159: Time, 160: Time, 209: Time, 241: Memory, 243: Disk, 307: Bytes, 396: Answer,
}

// Of says what a statement that ended with a code had too much of; "" for a code of something else.
func Of(code int) string { return codes[code] }

// Error is a read that reached a bound. One that took too long is a [context.DeadlineExceeded], too.
type Error struct {
	// What is one of the words of this package.
	What string
}

func (e *Error) Error() string { return "the read reached a bound: " + e.What }

// Is makes a bound of time what a deadline is.
func (e *Error) Is(target error) bool { return e.What == Time && target == context.DeadlineExceeded }

// Narrow says to people what to ask for instead.
func (e *Error) Narrow() string {
	beyond := "go beyond a bound (" + e.What + ")"
	switch e.What {
	case Time:
		beyond = "take longer than an answer may"
	case Memory:
		beyond = "take more memory than an answer may"
	}
	return "It would " + beyond + ". Ask for less at once: one machine, test or metric, fewer orders, a shorter time, a smaller limit."
}
