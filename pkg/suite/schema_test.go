package suite

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltIns_AreValidAndCarryLNTsFieldIndexes(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"nts":     {"compile_time", "compile_status", "execution_time", "execution_status", "score", "mem_bytes", "hash", "hash_status", "code_size"},
		"compile": {"user_time", "user_status", "sys_time", "sys_status", "wall_time", "wall_status", "size_bytes", "size_status", "mem_bytes", "mem_status"},
	}
	for _, s := range BuiltIns() {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		for i, name := range want[s.Name] {
			if got, m, ok := s.Metric(name); !ok || got != i || m.Name != name {
				t.Errorf("%s.Metric(%q) = %d, %v, want %d", s.Name, name, got, ok, i)
			}
		}
		if len(s.Metrics) != len(want[s.Name]) {
			t.Errorf("%s has %d metrics, want %d", s.Name, len(s.Metrics), len(want[s.Name]))
		}
		if got := s.OrderFields(); !slices.Equal(got, []string{RevisionField}) {
			t.Errorf("%s order fields = %q", s.Name, got)
		}
	}
	if _, ok := BuiltIn("nosuch"); ok {
		t.Errorf("BuiltIn found a suite nobody built in")
	}
}

func TestBuiltIn_ChangedByACaller_IsUnchangedForTheNext(t *testing.T) {
	t.Parallel()
	first, _ := BuiltIn("nts")
	first.Metrics[0].Name = "changed"
	second, _ := BuiltIn("nts")
	if second.Metrics[0].Name != "compile_time" {
		t.Errorf("a caller changed the built-in suite for everyone")
	}
}

func TestSchema_EncodeThenDecode_GivesTheSameSchemaAndBytes(t *testing.T) {
	t.Parallel()
	custom := Schema{
		Name:      "libx",
		Metrics:   []Metric{{Name: "instructions", Type: Real, Unit: "µ <&>"}},
		RunFields: []Field{{Name: "major", Order: true}, {Name: "note"}, {Name: "minor", Order: true}},
	}
	for _, s := range append(BuiltIns(), custom) {
		encoded := s.Encode()
		decoded, err := Decode(encoded)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if again := decoded.Encode(); !bytes.Equal(again, encoded) {
			t.Errorf("%s: encoded again %s, want %s", s.Name, again, encoded)
		}
	}
}

func TestSchema_Encode_IsThisText(t *testing.T) {
	t.Parallel()
	s := Schema{
		Name: "x",
		Metrics: []Metric{
			{Name: "t", Type: Real, DisplayName: "T", Unit: "seconds", UnitAbbrev: "s", BiggerIsBetter: true, IgnoreSameHash: true, Status: "st"},
			{Name: "st", Type: Status},
		},
		RunFields: []Field{{Name: "rev", Order: true}, {Name: "sha"}},
	}
	want := `{"name":"x","metrics":[{"name":"t","type":"Real","display_name":"T","unit":"seconds","unit_abbrev":"s","bigger_is_better":true,"ignore_same_hash":true,"status":"st"},{"name":"st","type":"Status"}],"run_fields":[{"name":"rev","order":true},{"name":"sha"}],"machine_fields":[]}`
	if diff := cmp.Diff(string(s.Encode()), want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

func TestDecode_UnknownKeyTrailingDataOrInvalidSchema_Refused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"name":"x","metrics":[],"run_fields":[{"name":"r","order":true}],"machine_fields":[],"colour":1}`,
		`{"name":"x","metrics":[],"run_fields":[{"name":"r","order":true}],"machine_fields":[]} {}`,
		`{"name":"x","metrics":[],"run_fields":[],"machine_fields":[]}`,
		``,
	} {
		if _, err := Decode([]byte(body)); err == nil {
			t.Errorf("Decode(%s) accepted", body)
		}
	}
}

func TestSchema_Validate_NamesEveryProblem(t *testing.T) {
	t.Parallel()
	s := Schema{
		Name: "9lives",
		Metrics: []Metric{
			{Name: "id", Type: Real},
			{Name: "profile", Type: Hash},
			{Name: "machine_id", Type: Real},
			{Name: "a", Type: "Integer"},
			{Name: "a", Type: Real, Status: "nowhere"},
			{Name: "b", Type: Real, Status: "c"},
			{Name: "c", Type: Hash},
			{Name: "", Type: Real},
			{Name: " d", Type: Real},
			{Name: strings.Repeat("x", MaxName+1), Type: Real},
		},
		RunFields:     []Field{{Name: "start_time"}, {Name: "sha"}, {Name: "sha"}},
		MachineFields: []Field{{Name: "name"}, {Name: "cpu", Order: true}},
	}
	err := s.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"name: \"9lives\"", "metrics[0].name", "metrics[1].name", "metrics[2].name", "metrics[3].type: Unknown metric type 'Integer'",
		"metrics[4].name: \"a\" is declared twice", "metrics[4].status: no metric", "metrics[5].status", "metrics[7].name: is empty",
		"metrics[8].name", "metrics[9].name", "run_fields[0].name: \"start_time\" is reserved", "run_fields[2].name: \"sha\" is declared twice",
		"machine_fields[0].name", "machine_fields[1].order", "run_fields: at least one",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestFitsName_CountsCharactersNotBytes(t *testing.T) {
	t.Parallel()
	if !FitsName(strings.Repeat("ü", MaxName)) || FitsName(strings.Repeat("ü", MaxName+1)) {
		t.Errorf("the limit is not %d characters", MaxName)
	}
}
