package store

import (
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Class says what to do about a failed write.
type Class int

const (
	// Transient failures pass: the same write is repeated until it succeeds.
	Transient Class = iota
	// Schema failures need a migration: hold, say so, and repeat.
	Schema
	// Data failures come from the rows, or from a view that throws on them.
	Data
)

// String names the class as metrics and logs do.
func (c Class) String() string {
	return [...]string{"transient", "schema", "data"}[c]
}

// codes are ClickHouse's error numbers that waiting does not mend.
var codes = map[int32]Class{
	10: Schema, // NOT_FOUND_COLUMN_IN_BLOCK
	16: Schema, // NO_SUCH_COLUMN_IN_TABLE
	20: Schema, // NUMBER_OF_COLUMNS_DOESNT_MATCH
	47: Schema, // UNKNOWN_IDENTIFIER
	60: Schema, // UNKNOWN_TABLE
	81: Schema, // UNKNOWN_DATABASE

	6:   Data, // CANNOT_PARSE_TEXT
	26:  Data, // CANNOT_PARSE_QUOTED_STRING
	27:  Data, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	38:  Data, // CANNOT_PARSE_DATE
	41:  Data, // CANNOT_PARSE_DATETIME
	53:  Data, // TYPE_MISMATCH
	69:  Data, // ARGUMENT_OUT_OF_BOUND
	70:  Data, // CANNOT_CONVERT_TYPE
	72:  Data, // CANNOT_PARSE_NUMBER
	117: Data, // INCORRECT_DATA
	190: Data, // SIZES_OF_ARRAYS_DONT_MATCH
	349: Data, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	395: Data, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
}

// Classify sorts an error of a write. Whatever is not known to need a person is
// transient: retrying is always safe, giving up never is.
func Classify(err error) Class {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return codes[exception.Code]
	}
	return Transient
}
