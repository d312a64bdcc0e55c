package profile

import (
	"encoding/binary"
	"testing"
)

// draft writes profiles, broken ones too: what is set is written as it is, the rest is made to fit.
type draft struct {
	version  byte // 2 when 0
	names    []string
	top      [][2]uint64 // place of the name, value
	poolFile string
	sections [sectionCount][]byte
	headers  [sectionCount][2]uint64
}

func (d draft) bytes(t testing.TB) []byte {
	t.Helper()
	if d.sections[headerSection] == nil {
		d.sections[headerSection] = []byte("raw\n")
	}
	if d.sections[namesSection] == nil {
		d.sections[namesSection] = uleb(nil, uint64(len(d.names)))
		for _, name := range d.names {
			d.sections[namesSection] = append(d.sections[namesSection], name+"\n"...)
		}
	}
	if d.sections[topSection] == nil {
		d.sections[topSection] = uleb(nil, uint64(len(d.top)))
		for _, pair := range d.top {
			d.sections[topSection] = uleb(d.sections[topSection], pair[0], pair[1])
		}
	}
	if d.sections[functionsSection] == nil {
		d.sections[functionsSection] = []byte{0}
	}
	if d.version == 0 {
		d.version = version
	}
	out, body := []byte{d.version}, []byte(nil)
	for i, section := range d.sections {
		header := d.headers[i]
		if header == [2]uint64{} {
			header = [2]uint64{uint64(len(body)), uint64(len(section))}
		}
		out = uleb(out, header[0], header[1])
		if i == textPool {
			out = append(out, d.poolFile+"\n"...)
		}
		body = append(body, section...)
	}
	return append(out, body...)
}

func uleb(out []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		out = binary.AppendUvarint(out, n)
	}
	return out
}
