package report

import (
	"strings"
	"testing"
)

func TestParse_Versions_AreRecognisedAsLNTDoes(t *testing.T) {
	t.Parallel()
	body := `"machine":{"name":"m"},"run":{"llvm_project_revision":"7"},"tests":[]}`
	old := func(before, version string) string {
		return `{` + before + `"Machine":{"Name":"m","Info":{}},"Run":{"Info":{` + version + `"run_order":"7","tag":"nts"}},"Tests":[]}`
	}
	for name, c := range map[string]struct {
		body    string
		version int
		text    string // of the error; none if empty
	}{
		"string 2":                    {`{"format_version":"2",` + body, 2, ""},
		"none on version 2 shape":     {`{` + body, 2, ""},
		"number 2":                    {`{"format_version":2,` + body, 0, "Invalid input format: Unknown format version"},
		"string 3":                    {`{"format_version":"3",` + body, 0, "Invalid input format: Unknown format version"},
		"blank around 2":              {`{"format_version":" 2",` + body, 0, "Invalid input format: Unknown format version"},
		"huge":                        {`{"format_version":"99999999999999999999",` + body, 0, "Invalid input format: Unknown format version"},
		"huge number":                 {`{"format_version":1e300,` + body, 0, "Invalid input format: Unknown format version"},
		"negative":                    {`{"format_version":"-1",` + body, 0, "Invalid input format: Unknown format version"},
		"no number":                   {`{"format_version":"abc",` + body, 0, "Invalid input format: invalid literal for int() with base 10: 'abc'"},
		"empty":                       {`{"format_version":"",` + body, 0, "Invalid input format: invalid literal for int() with base 10: ''"},
		"null":                        {`{"format_version":null,` + body, 2, ""},
		"object":                      {`{"format_version":{},` + body, 0, "Invalid input format: format_version: is an object"},
		"string 1 on version 2 shape": {`{"format_version":"1",` + body, 0, "Invalid input format: No 'Run' section in submission"},
		"no version inside Run.Info":  {old("", ""), 0, ""},
		"version 1 inside Run.Info":   {old("", `"__report_version__":"1",`), 1, ""},
		"version 3 inside Run.Info":   {old("", `"__report_version__":"3",`), 0, "Invalid input format: Unknown format version"},
		"version 2 inside Run.Info":   {old("", `"__report_version__":"2",`), 0, "Invalid input format: Unknown format version"},
		"bad version inside Run.Info": {old("", `"__report_version__":"x",`), 0, "Invalid input format: invalid literal for int() with base 10: 'x'"},
		"format_version 1, old shape": {old(`"format_version":"1",`, ""), 1, ""},
		"format_version 2, old shape": {old(`"format_version":"2",`, ""), 0, "Invalid input format: No 'run' section in submission"},
		"Run without Info":            {`{"Machine":{"Name":"m","Info":{}},"Run":{},"Tests":[]}`, 0, "Invalid input format: No 'run' section in submission"},
		"Run with Info that is none":  {`{"Run":{"Info":"x"}}`, 0, "Invalid input format: No 'run' section in submission"},
		"top level list":              {`[]`, 0, "Invalid input format: the report is a list, not an object"},
		"top level string":            {`"x"`, 0, "Invalid input format: the report is a string, not an object"},
		"no run":                      {`{"format_version":"2"}`, 0, "Invalid input format: No 'run' section in submission"},
		"no machine":                  {`{"format_version":"2","run":{}}`, 0, "Invalid input format: No 'machine' section in submission"},
		"no tests":                    {`{"format_version":"2","run":{},"machine":{}}`, 0, "Invalid input format: No 'tests' section in submission"},
		"old without Machine":         {`{"Run":{"Info":{}},"Tests":[]}`, 0, "Invalid input format: No 'Machine' section in submission"},
		"old without Tests":           {`{"Run":{"Info":{}},"Machine":{"Name":"m","Info":{}}}`, 0, "Invalid input format: No 'Tests' section in submission"},
		"old without Machine.Info":    {`{"Run":{"Info":{}},"Machine":{"Name":"m"},"Tests":[]}`, 0, "Invalid input format: Machine.Info: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.text != "" {
				if got := refusal(t, c.body, Options{}); !strings.HasPrefix(got.Text, c.text) {
					t.Errorf("error %q, want %q", got.Text, c.text)
				}
				return
			}
			if s, _ := accept(t, c.body); s.SourceVersion != c.version {
				t.Errorf("version %d, want %d", s.SourceVersion, c.version)
			}
		})
	}
}

func TestParse_KeysInAnyOrder_GiveTheSameReport(t *testing.T) {
	t.Parallel()
	parts := []string{`"format_version":"2"`, `"machine":{"name":"m"}`, `"run":{"llvm_project_revision":"7"}`, `"tests":[{"compile_time":1,"name":"a"}]`}
	for shift := range parts {
		body := "{" + strings.Join(append(append([]string{}, parts[shift:]...), parts[:shift]...), ",") + "}"
		s, r := accept(t, body)
		if s.Machine.Name != "m" || len(r.Samples.Value) != 1 || r.Order[0] != "7" {
			t.Errorf("%s read as %+v", body, s)
		}
	}
}

func TestParse_OldReportWithStrayTests_IgnoresThem(t *testing.T) {
	t.Parallel()
	s, _ := accept(t, `{"tests":[5,{"name":[[[]]]}],"Machine":{"Name":"m","Info":{}},"Run":{"Info":{"run_order":"7"}},"Tests":[]}`)
	if s.SourceVersion != 0 || len(s.Tests) != 0 {
		t.Errorf("read as %+v", s)
	}
}

func TestParse_Unreadable_SaysWhatLNTSays(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", " \n", "no report", "{", `{"format_version":"2"`, v2(`[]`) + "x", v2(`[]`) + v2(`[]`), `{'a':1}`, "\x00\x01", "<a", "<?xml version='1.0'?>",
		"<plist><dict>", "bplist00", "bplist99" + strings.Repeat("\x00", 64), "{ a = b; }", v2(`[{"name":"a",}]`), v2(`[{"name":"a" "b":1}]`), v2(`[!]`), v2(`[{"name":"a","m":!}]`),
	} {
		got := refusal(t, body, Options{File: "up.json"})
		if got.Text != "could not parse input format" {
			t.Errorf("%q: error %q", body, got.Text)
		}
		if !strings.HasSuffix(got.Detail, "ValueError: unable to guess input format for 'up.json'") {
			t.Errorf("%q: message %q", body, got.Detail)
		}
	}
}

func TestParse_SyntaxError_NamesThePlace(t *testing.T) {
	t.Parallel()
	got := refusal(t, v2(`[{"name":"a","compile_time":1},{"name":"b","compile_time":1x}]`), Options{})
	if got.Field != "tests[1].compile_time" && got.Field != "tests[1]" {
		t.Errorf("field %q in %+v", got.Field, got)
	}
}

func TestParse_ByteOrderMark_IsSkipped(t *testing.T) {
	t.Parallel()
	accept(t, "\xef\xbb\xbf"+v2(`[]`))
}

func TestGuess_TagOfAnOldReport_ElseNothing(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		v1(``, `"tag":"compile"`, ``):                     "compile",
		`{"Tests":[],"Run":{"x":1,"Info":{"tag":"nts"}}}`: "nts",
		"\xef\xbb\xbf" + `{"Run":{"Info":{"tag":"x"}}}`:   "x",
		`{"Run":{"Info":{"tag":5}}}`:                      "",
		`{"Run":{"Info":{}}}`:                             "",
		`{"Run":{"Info":[]}}`:                             "",
		`{"Run":[]}`:                                      "",
		`{"run":{"tag":"nts"}}`:                           "",
		`[]`:                                              "", ``: "", `{`: "", `{"Run"`: "", `{"a":}`: "", "<plist/>": "",
		v2(`[]`): "",
	} {
		if got := Guess([]byte(body)); got != want {
			t.Errorf("Guess(%s) = %q, want %q", body, got, want)
		}
	}
	for _, name := range []string{"v1.plist", "v1.bplist"} {
		if got := Guess(golden(t, name)); got != "nts" {
			t.Errorf("Guess of %s = %q", name, got)
		}
	}
}
