package clickhouse

import "github.com/ClickHouse/ch-go/proto"

// hello is clickhouse-go's first statement on a connection.
const hello = "SELECT displayName(), version(), revision(), timezone()"

const (
	displayName = "tidemark"

	// Native blocks carry a block header from revision 1 on and a custom-serialization
	// byte per column from this one on.
	revisionCustomSerialization = 54454
)

// helloBlock answers hello at the revision the driver asked with. It says revision 0, because
// that is what the library's Native output is; the driver reads everything after at 0.
func helloBlock(version, timezone string, revision uint64) []byte {
	var b proto.Buffer
	if revision > 0 {
		b.PutUVarInt(1) // field 1: is_overflows
		b.PutBool(false)
		b.PutUVarInt(2) // field 2: bucket_num
		b.PutInt32(-1)
		b.PutUVarInt(0)
	}
	b.PutUVarInt(4) // columns
	b.PutUVarInt(1) // rows
	column := func(name, kind string, put func()) {
		b.PutString(name)
		b.PutString(kind)
		if revision >= revisionCustomSerialization {
			b.PutBool(false)
		}
		put()
	}
	column("displayName()", "String", func() { b.PutString(displayName) })
	column("version()", "String", func() { b.PutString(version) })
	column("revision()", "UInt32", func() { b.PutUInt32(0) })
	column("timezone()", "String", func() { b.PutString(timezone) })
	return b.Buf
}
