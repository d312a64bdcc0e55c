package report

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// frugal parses and resolves a report and fails if that takes long or allocates more than most bytes.
func frugal(t *testing.T, body []byte, opts Options, most uint64) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	s, err := Parse(body, opts)
	if err == nil {
		_, err = s.Resolve(schema(t, "nts"), arrival)
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > most {
		t.Errorf("%d bytes of report cost %d bytes of memory, at most %d are fair", len(body), spent, most)
	}
	if took > 20*time.Second { // quadratic work on these sizes would take minutes
		t.Errorf("took %v", took)
	}
	return err
}

// TestParse_HostileJSON_CostsInProportion feeds megabytes of the smallest things that make the reader
// keep something.
func TestParse_HostileJSON_CostsInProportion(t *testing.T) {
	// Not parallel: it looks at the memory of the whole process, garbage of growing lists included.
	const size = 2 << 20
	fill := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.ReplaceAll(format, "#", strconv.FormatInt(int64(i), 36)))
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		body    string
		refused bool
	}{
		"tests":             {v2(`[` + fill(`{"name":"#"}`) + `]`), false},
		"empty tests":       {v2(`[` + fill(`{}`) + `]`), true},
		"values":            {v2(`[{"name":"a","score":[` + fill(`0`) + `]}]`), false},
		"nulls":             {v2(`[{"name":"a","score":[` + fill(`null`) + `]}]`), false},
		"metrics of a test": {v2(`[{"name":"a",` + fill(`"#":0`) + `}]`), true},
		"ids of a test":     {v2(`[{"name":"a",` + fill(`"#_id":0`) + `}]`), false},
		"machine keys":      {v2Machine(`,` + fill(`"#":0`)), true},
		"run value":         {v2Run(`,"p":{` + fill(`"#":0`) + `}`), false},
		"top-level keys":    {`{` + fill(`"k#":0`) + `,` + v2(`[]`)[1:], false},
		"profiles":          {v2(`[{"name":"a","score":1},` + fill(`{"name":"a","profile":"`+profileOf(1)+`"}`) + `]`), false},
		"nested subtests":   {v2(`[` + fill(`{"name":"#`+strings.Repeat(".test:", 40)+`","score":1}`) + `]`), false},
		"old tests":         {v1(``, `"run_order":"7","tag":"nts"`, fill(entry("nts.#.exec", "[0]"))), false},
		"old metrics":       {v1(``, `"run_order":"7","tag":"nts"`, fill(entry("nts.a.#", "[0]"))), true},
		"old samples":       {v1(``, `"run_order":"7","tag":"nts"`, fill(entry("nts.a.exec", "[0]"))), false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := frugal(t, []byte(c.body), Options{}, 250*size); (err != nil) != c.refused {
				t.Errorf("error %v", err)
			}
		})
	}
}
