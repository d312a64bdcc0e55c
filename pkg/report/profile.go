package report

import (
	"bytes"
	"encoding/base64"
)

// ProfileKind says how the bytes of a profile are to be read.
type ProfileKind string

// The kinds of profile that are accepted.
const (
	NoProfile ProfileKind = ""
	// ProfileV2 is LNT's own sectioned format.
	ProfileV2 ProfileKind = "lnt"
	// ProfilePerf is a perf.data file as Linux writes it.
	ProfilePerf ProfileKind = "perf"
)

// checkedProfile accepts base64 text of a known kind and returns it as it is. LNT's first format is a
// pickle, which runs code when it is read, so it is refused.
func checkedProfile(encoded, path string) (string, ProfileKind, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", NoProfile, misfit(path, "is not base64: %s", err)
	}
	switch {
	case bytes.HasPrefix(data, []byte{0x78, 0x9c}):
		return "", NoProfile, misfit(path, "is a pickled profile (version 1), which cannot be read safely; write it with current tools")
	case bytes.HasPrefix(data, []byte{0x02}):
		return encoded, ProfileV2, nil
	case bytes.HasPrefix(data, []byte("PERFILE2")):
		return encoded, ProfilePerf, nil
	default:
		return "", NoProfile, misfit(path, "is neither an LNT profile nor perf.data")
	}
}
