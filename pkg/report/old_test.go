package report

import (
	"strings"
	"testing"
)

func TestParse_MetricSuffixes_MapByTag(t *testing.T) {
	t.Parallel()
	for tag, table := range map[string]map[string]string{
		"nts": {
			"code_size": "code_size", "compile": "compile_time", "compile.status": "compile_status", "exec": "execution_time",
			"exec.status": "execution_status", "hash": "hash", "hash.status": "hash_status", "mem": "mem_bytes", "score": "score",
		},
		"compile": {
			"mem": "mem_bytes", "mem.status": "mem_status", "size": "size_bytes", "size.status": "size_status", "sys": "sys_time",
			"sys.status": "sys_status", "user": "user_time", "user.status": "user_status", "wall": "wall_time", "wall.status": "wall_status",
		},
		"other": {"compile": "compile", "exec.status": "status", "anything at all": "anything at all"},
	} {
		for suffix, want := range table {
			body := v1(``, `"run_order":"7","tag":"`+tag+`"`, entry(tag+".some.test/x."+suffix, "[1]"))
			s, err := Parse([]byte(body), Options{})
			if err != nil {
				t.Fatalf("%s %s: %v", tag, suffix, err)
			}
			name := "some.test/x"
			if before, last, found := strings.Cut(suffix, "."); tag == "other" && found && last == want {
				name += "." + before // only the text after the last dot is the metric
			}
			if got := s.Tests[0]; got.Name != name || got.Values[0].Metric != want {
				t.Errorf("%s: .%s is metric %q of test %q, want %q of %q", tag, suffix, got.Values[0].Metric, got.Name, want, name)
			}
		}
	}
}

func TestParse_OldAttributes_AreRenamedByTag(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, from, to string }{
		{"nts", "name", "hostname"},
		{"nts", "hw.model", "hw.model"},
		{"compile", "name", "hostname"},
		{"compile", "hw.model", "hardware"},
		{"compile", "kern.version", "os_version"},
		{"other", "hw.model", "hw.model"},
		{"other", "kern.version", "kern.version"},
	} {
		s, err := Parse([]byte(v1(`"`+c.from+`":"value"`, `"run_order":"7","x":1,"tag":"`+c.tag+`"`, "")), Options{})
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if got := attr(t, s.Machine.Attrs, c.to); got != `"value"` {
			t.Errorf("%+v: %s", c, got)
		}
		if got := attr(t, s.Run.Attrs, "llvm_project_revision"); got != `"7"` {
			t.Errorf("tag %s: order %s", c.tag, got)
		}
		for _, gone := range []string{"run_order", "tag", "__report_version__"} {
			if got := attr(t, s.Run.Attrs, gone); got != "absent" {
				t.Errorf("tag %s: %s is %s", c.tag, gone, got)
			}
		}
	}
}

func TestParse_OldReport_Refusals(t *testing.T) {
	t.Parallel()
	nts := `"run_order":"7","tag":"nts"`
	for name, c := range map[string]struct{ body, text, field string }{
		"machine info clash, untagged": {v1(`"name":"x"`, `"run_order":"7","tag":"other"`, ``), "Invalid input format: Name clash for machine info 'name'", "Machine.Info.name"},
		"machine info clash, renamed":  {v1(`"hostname":"y","name":"x"`, nts, ``), "Invalid input format: Name clash for machine info 'hostname'", "Machine.Info.name"},
		"run info clash":               {v1(``, nts+`,"llvm_project_revision":"8"`, ``), "Invalid input format: Name clash for run info 'llvm_project_revision'", "Run.Info.llvm_project_revision"},
		"run info clash with time":     {`{"Machine":{"Name":"m","Info":{}},"Run":{"Start Time":"2026-01-01 00:00:00","Info":{"start_time":"x","tag":"nts"}},"Tests":[]}`, "Invalid input format: Name clash for run info 'start_time'", "Run.Info.start_time"},
		"other tag in name":            {v1(``, nts, entry("compile.a.exec", "[1]")), "Invalid input format: Tests/compile.a.exec: test name does not start with 'nts.'", "Tests[0].Name"},
		"no tag":                       {v1(``, `"run_order":"7"`, entry("nts.a.exec", "[1]")), "Invalid input format: v1 report has no 'tag' field", "Run.Info.tag"},
		"null tag":                     {v1(``, `"run_order":"7","tag":null`, entry("nts.a.exec", "[1]")), "Invalid input format: v1 report has no 'tag' field", "Run.Info.tag"},
		"tag that is none":             {v1(``, `"run_order":"7","tag":5`, ``), "Invalid input format: Run.Info.tag: is a number, want a string", "Run.Info.tag"},
		"no metric":                    {v1(``, nts, entry("nts.a", "[1]")), "Invalid input format: Tests/nts.a: name does not end in .metric", "Tests[0].Name"},
		"info of a test":               {v1(``, nts, `{"Name":"nts.a.exec","Info":{"x":1},"Data":[1]}`), "Invalid input format: Tests/nts.a.exec: cannot convert non-empty Info record", "Tests[0].Info"},
		"test without Info":            {v1(``, nts, `{"Name":"nts.a.exec","Data":[1]}`), "Invalid input format: Tests[0].Info: is missing", "Tests[0].Info"},
		"data that is no list":         {v1(``, nts, `{"Name":"nts.a.exec","Info":{},"Data":1}`), "Invalid input format: Tests[0].Data: is a number, want a list", "Tests[0].Data"},
		"data of lists":                {v1(``, nts, entry("nts.a.exec", "[1,[2]]")), "import failure: Tests[0].Data[1]: is a list, want a number or a string", "Tests[0].Data[1]"},
		"data beyond floats":           {v1(``, nts, entry("nts.a.exec", "[1e999]")), "import failure: Tests[0].Data[0]: 1e999 is not a finite number", "Tests[0].Data[0]"},
		"test that is no object":       {v1(``, nts, `5`), "Invalid input format: Tests[0]: is a number, want an object", "Tests[0]"},
		"machine without a name":       {`{"Machine":{"Info":{}},"Run":{"Info":{"tag":"nts"}},"Tests":[]}`, "import failure: Machine.Name: is missing", "Machine.Name"},
		"order that is no string, v0":  {`{"Machine":{"Name":"m","Info":{}},"Run":{"Info":{"run_order":7,"tag":"nts"}},"Tests":[]}`, "Invalid input format: Run.Info.run_order: is a number, want a string", "Run.Info.run_order"},
		"order that is no string, v1":  {v1(``, `"run_order":7,"tag":"nts"`, ``), "import failure: run.llvm_project_revision: is a number, want a string", "run.llvm_project_revision"},
		"metric called name":           {v1(``, nts, entry("nts.a.name", "[1]")), "Invalid input format: a metric cannot be called 'name'", "Tests[0].Name"},
		"two profiles":                 {v1(``, nts, entry("nts.a.profile", `["`+profileOf(1)+`","`+profileOf(2)+`"]`)), "import failure: Tests[0].Data: has 2 values, want one base64 text", "Tests[0].Data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := refusal(t, c.body, Options{})
			if !strings.HasPrefix(got.Text, c.text) || got.Field != c.field {
				t.Errorf("error %q at %q, want %q at %q", got.Text, got.Field, c.text, c.field)
			}
		})
	}
}

func TestParse_OldIDMetrics_AreIgnored(t *testing.T) {
	t.Parallel()
	s, _ := accept(t, v1(``, `"run_order":"7","tag":"nts"`, entry("nts.a.id", "[1]")+","+entry("nts.a.run_id", "[1]")))
	if len(s.Tests) != 1 || len(s.Tests[0].Values) != 0 {
		t.Errorf("read as %+v", s.Tests)
	}
}

func TestParse_Version0Order_IsStrippedAndShared(t *testing.T) {
	t.Parallel()
	const clang = `"cc_name":"clang","cc_build":"PROD","cc_src_tag":" 7 ","cc_version":"x\nA version 2 (clang-900.1) more\nB version 3 (clang-1)"`
	for name, c := range map[string]struct{ info, order, inferred string }{
		"only the order":         {`"run_order":" 7\n"`, `"7"`, `"7"`},
		"both equal":             {`"run_order":" 7","inferred_run_order":" 7"`, `"7"`, `"7"`},
		"inferred differs":       {`"run_order":" 7","inferred_run_order":"7"`, `" 7"`, `"7"`},
		"inferred is no string":  {`"run_order":"7","inferred_run_order":7`, `"7"`, `7`},
		"inferred is null":       {`"run_order":" 7","inferred_run_order":null`, `"7"`, `"7"`},
		"order is null":          {`"run_order":null,"inferred_run_order":"7"`, `null`, `"7"`},
		"two blanks in version":  {`"run_order":"7",` + strings.Replace(clang, `2 (`, `2  (`, 1), `"7"`, `"7"`},
		"no digits in version":   {`"run_order":"7",` + strings.Replace(clang, `900.1`, ``, 1), `"7"`, `"7"`},
		"no order":               {`"inferred_run_order":"7"`, `absent`, `"7"`},
		"production clang":       {`"run_order":"7",` + clang, `"900.1"`, `"900.1"`},
		"production, differs":    {`"run_order":"7","inferred_run_order":"8",` + clang, `"7"`, `"8"`},
		"production, other tag":  {`"run_order":"8",` + clang, `"8"`, `"8"`},
		"not a production build": {`"run_order":"7",` + strings.Replace(clang, "PROD", "DEV", 1), `"7"`, `"7"`},
		"not clang":              {`"run_order":"7",` + strings.Replace(clang, `"clang"`, `"gcc"`, 1), `"7"`, `"7"`},
		"no source tag":          {`"run_order":"7",` + strings.Replace(clang, `" 7 "`, `""`, 1), `"7"`, `"7"`},
		"no build string":        {`"run_order":"7",` + strings.Replace(clang, `(clang-900.1)`, `here`, 1), `"7"`, `"7"`},
		"other build string":     {`"run_order":"7",` + strings.Replace(clang, `clang-900.1`, `gcc-9`, 1), `"7"`, `"7"`},
		"no version line":        {`"run_order":"7","cc_name":"clang","cc_build":"PROD","cc_src_tag":"7","cc_version":"none"`, `"7"`, `"7"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Parse([]byte(`{"Machine":{"Name":"m","Info":{}},"Run":{"Info":{`+c.info+`,"tag":"nts"}},"Tests":[]}`), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := attr(t, s.Run.Attrs, "llvm_project_revision"); got != c.order {
				t.Errorf("order %s, want %s", got, c.order)
			}
			if got := attr(t, s.Run.Attrs, "inferred_run_order"); got != c.inferred {
				t.Errorf("inferred %s, want %s", got, c.inferred)
			}
		})
	}
}

func TestParse_Version1Order_KeepsItsBlanks(t *testing.T) {
	t.Parallel()
	_, r := accept(t, v1(``, `"run_order":"  900003","inferred_run_order":"x","tag":"nts"`, ``))
	if r.Order[0] != "  900003" || attr(t, r.RunParams, "inferred_run_order") != `"x"` {
		t.Errorf("order %q, params %v", r.Order, r.RunParams)
	}
}
