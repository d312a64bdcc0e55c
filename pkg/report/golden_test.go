package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"

	"tidemark/pkg/suite"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestParse_GoldenFiles reads one report per version and container and compares what it is read as with
// the file beside it. v1.plist and v1.bplist say the same as v1.json.
func TestParse_GoldenFiles(t *testing.T) {
	t.Parallel()
	if *update {
		writePlists(t)
	}
	for _, c := range []struct{ in, want, suite string }{
		{"v0.json", "v0.want.json", "compile"},
		{"v1.json", "v1.want.json", ""},
		{"v1.plist", "v1.want.json", ""},
		{"v1.bplist", "v1.want.json", ""},
		{"v2.json", "v2.want.json", "nts"},
	} {
		t.Run(c.in, func(t *testing.T) {
			t.Parallel()
			s, err := Parse(golden(t, c.in), Options{})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, s, c.want)
			if c.suite == "" {
				return
			}
			schema, _ := suite.BuiltIn(c.suite)
			r, err := s.Resolve(schema, arrival)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, r, c.suite+".resolved.json")
		})
	}
}

func compare(t *testing.T, got any, file string) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", file), text, 0o644); err != nil { //nolint:gosec // a test file
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(text), string(golden(t, file))); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// writePlists makes the property lists with a library that knows nothing of our readers. It sorts the
// keys, so v1.json has the attributes that survive an upgrade in an order that sorting keeps.
func writePlists(t *testing.T) {
	t.Helper()
	var tree any
	if err := json.Unmarshal(golden(t, "v1.json"), &tree); err != nil {
		t.Fatal(err)
	}
	// Property lists have no null; absent says the same here.
	delete(tree.(map[string]any)["Run"].(map[string]any), "End Time")
	for name, format := range map[string]int{"v1.plist": plist.XMLFormat, "v1.bplist": plist.BinaryFormat} {
		var b bytes.Buffer
		enc := plist.NewEncoderForFormat(&b, format)
		if format == plist.XMLFormat {
			enc.Indent("\t")
		}
		if err := enc.Encode(tree); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", name), b.Bytes(), 0o644); err != nil { //nolint:gosec // a test file
			t.Fatal(err)
		}
	}
}
