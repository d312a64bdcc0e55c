package store_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

// awkward are texts that some layer on the way to the engine has a meaning for.
var awkward = []string{
	"", " ", "plain", `back\slash`, `\`, `\\`, `\N`, `\n`, `\t`, "tab\there", "line\nbreak", "carriage\rreturn", "nul\x00byte",
	`it's`, `''`, `"double"`, "`back`", "{name:String}", "{", "%s %d", "a=b&c=d", "a+b c", "50%", "%41", "?", "$1", ":name", "--comment", "/*", ";",
	"NULL", "null", "[1,2]", "['x']", "[", "]", ",", "é日本😀", "\u2028", "\x7f", "\b\f\v", strings.Repeat("long ", 2000),
}

func TestParams_AwkwardTexts_ArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	s := bare(t, testkit.StoreConfig(t))
	type row struct {
		Text   string `ch:"text"`
		Length uint64 `ch:"bytes"`
	}
	q := sql.File{Name: "echo", Text: "SELECT {text:String} AS text, length({text:String}) AS bytes"}
	for _, text := range awkward {
		rows, err := store.Select[row](t.Context(), s, q, store.Params{"text": text})
		if err != nil {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		if diff := cmp.Diff([]row{{text, uint64(len(text))}}, rows); diff != "" {
			t.Errorf("%.40q: %s", text, diff)
		}
	}
}

func TestParams_ArraysOfAwkwardTexts_ArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	s := bare(t, testkit.StoreConfig(t))
	type row struct {
		Texts []string `ch:"texts"`
	}
	q := sql.File{Name: "echo", Text: "SELECT {texts:Array(String)} AS texts"}
	cases := append([][]string{awkward, {}, {""}, {"", ""}}, each(awkward)...)
	for _, texts := range cases {
		rows, err := store.Select[row](t.Context(), s, q, store.Params{"texts": texts})
		if err != nil {
			t.Errorf("%.60q: %v", texts, err)
			continue
		}
		if diff := cmp.Diff([]row{{texts}}, rows); diff != "" {
			t.Errorf("%.60q: %s", texts, diff)
		}
	}
}

func each(texts []string) [][]string {
	var out [][]string
	for _, text := range texts {
		out = append(out, []string{text})
	}
	return out
}

// The driver sends []uint8 as text, a nil slice as NULL and a named text in quotes.
func TestParams_EveryKindOfValue_ArrivesAsItsType(t *testing.T) {
	t.Parallel()
	s := bare(t, testkit.StoreConfig(t))
	id := uuid.MustParse("0197a1b2-0000-7000-8000-0123456789ab")
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.FixedZone("east", 3600))
	for _, c := range []struct {
		kind  string
		value any
		want  string
	}{
		{"Array(UInt8)", []uint8{1, 0, 255}, "[1,0,255]"},
		{"Array(UInt8)", []uint8{}, "[]"},
		{"Array(UInt8)", []uint8(nil), "[]"},
		{"Array(UInt32)", []uint32{0, math.MaxUint32}, "[0,4294967295]"},
		{"Array(UInt32)", []uint32(nil), "[]"},
		{"Array(UInt64)", []uint64{math.MaxUint64}, "[18446744073709551615]"},
		{"Array(String)", []string(nil), "[]"},
		{"UInt64", uint64(math.MaxUint64), "18446744073709551615"},
		{"Int32", int32(math.MinInt32), "-2147483648"},
		{"UInt16", uint16(7), "7"},
		{"Float64", 0.1, "0.1"},
		{"Float64", 1e-300, "1e-300"},
		{"Float64", -math.MaxFloat64, "-1.7976931348623157e308"},
		{"Float64", math.Inf(1), "inf"},
		{"UUID", id, id.String()},
		{"UUID", id.String(), id.String()},
		{"String", event.Up, "up"},
		{"DateTime64(3, 'UTC')", at, "2026-03-01 11:00:00.123"},
		{"Bool", true, "true"},
	} {
		type row struct {
			Text string `ch:"text"`
			Kind string `ch:"kind"`
		}
		q := sql.File{Name: "echo", Text: "SELECT toString({v:" + c.kind + "}) AS text, toTypeName({v:" + c.kind + "}) AS kind"}
		rows, err := store.Select[row](t.Context(), s, q, store.Params{"v": c.value})
		if err != nil {
			t.Errorf("%s %v: %v", c.kind, c.value, err)
			continue
		}
		if diff := cmp.Diff([]row{{c.want, c.kind}}, rows); diff != "" {
			t.Errorf("%s: %s", c.kind, diff)
		}
	}
}

func TestParams_TextThatLooksLikeAStatement_StaysText(t *testing.T) {
	t.Parallel()
	s := testkit.Store(t)
	type row struct {
		N uint64 `ch:"n"`
	}
	for _, text := range []string{"x' OR '1'='1", `\' OR 1=1 --`, "'; DROP TABLE runs; --"} {
		rows, err := store.Select[row](t.Context(), s,
			sql.File{Name: "match", Text: "SELECT count() AS n FROM numbers(3) WHERE toString(number) = {text:String}"}, store.Params{"text": text})
		if err != nil || rows[0].N != 0 {
			t.Errorf("%q matched %v, err %v", text, rows, err)
		}
	}
	if got := count(t, s, "v_runs"); got != 0 {
		t.Errorf("v_runs has %d rows", got)
	}
}
