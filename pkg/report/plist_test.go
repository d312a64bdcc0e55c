package report

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"
	"pgregory.net/rapid"
)

// trees draws what both JSON and property lists can say.
func trees(depth int) *rapid.Generator[any] {
	// XML has no control characters, and its readers turn \r into \n.
	texts := rapid.StringMatching(`[ -~äß中😀]{0,20}`)
	leaves := []*rapid.Generator[any]{
		rapid.Map(texts, func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	inner := trees(depth - 1)
	return rapid.OneOf(append(leaves,
		rapid.Map(rapid.SliceOfN(inner, 0, 20), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(texts, inner, 0, 20), func(m map[string]any) any { return m }),
	)...)
}

func TestToJSON_PlistsOfAnotherWriter_SayTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tree := rapid.MapOfN(rapid.StringMatching(`[a-zé.]{1,8}`), trees(3), 0, 5).Draw(t, "tree")
		if _, uid := tree["CF$UID"]; uid {
			t.Skip("reads as an archiver's reference")
		}
		for _, format := range []int{plist.XMLFormat, plist.BinaryFormat} {
			body, err := plist.Marshal(tree, format)
			if err != nil {
				t.Fatal(err)
			}
			text, err := toJSON(body, DefaultOptions())
			if err != nil {
				t.Fatalf("format %d: %v\n%s", format, err, body)
			}
			if diff := cmp.Diff(reread(t, text), reread(t, must(json.Marshal(tree)))); diff != "" {
				t.Fatalf("format %d: got - want +\n%s\n%s", format, diff, body)
			}
		}
	})
}

// reread makes two JSON texts comparable.
func reread(t *rapid.T, text []byte) any {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return v
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestToJSON_XMLValues(t *testing.T) {
	t.Parallel()
	const head = `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">`
	for xml, want := range map[string]string{
		`<plist version="1.0"><string>a &lt;b&gt; <![CDATA[<c>]]>&#228;</string></plist>`: `"a <b> <c>ä"`,
		`<string/>`:                                  `""`,
		`<integer> -42 </integer>`:                   `-42`,
		`<integer>0x1F</integer>`:                    `31`,
		`<integer>+007</integer>`:                    `7`,
		`<integer>18446744073709551616</integer>`:    `18446744073709551616`,
		`<real>1.50</real>`:                          `1.5`,
		`<true/>`:                                    `true`,
		`<false></false>`:                            `false`,
		`<date>2026-02-03T04:05:06Z</date>`:          `"2026-02-03T04:05:06"`,
		"<data>\n\tAg\n\tAB\n</data>":                `"AgAB"`,
		`<array> <!-- x --> <true/><array/></array>`: `[true,[]]`,
		`<dict><key>a</key><true/><key>b&amp;</key><dict></dict></dict>`: `{"a":true,"b&":{}}`,
		`<plist><true/></plist><!-- end -->` + "\n":                      `true`,
	} {
		got, err := toJSON([]byte(head+xml), DefaultOptions())
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", xml, got, err, want)
		}
	}
}

func TestToJSON_BrokenXML_IsRefused(t *testing.T) {
	t.Parallel()
	for _, xml := range []string{
		`<plist/>`, `<plist><true/><true/></plist>`, `<true/><true/>`, `<true/>x`, `<plist>x<true/></plist>`, `<html/>`, `<true>x</true>`,
		`<integer/>`, `<integer>1.5</integer>`, `<integer>--1</integer>`, `<integer>1_0</integer>`, `<integer>` + strings.Repeat("9", 200) + `</integer>`,
		`<real>x</real>`, `<date>today</date>`, `<data>*</data>`, `<string><b/></string>`, `<dict><true/></dict>`, `<dict><key>a</key></dict>`,
		`<dict><key>a</key><key>b</key></dict>`, `<array>`, `<array></dict>`, `<string>&nbsp;</string>`, `<string>` + "\xff" + `</string>`, `<string>&#0;</string>`,
		`<?xml version="1.0" encoding="UTF-16"?><true/>`,
		`<!DOCTYPE plist [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><string>&b;</string>`,
	} {
		if out, err := toJSON([]byte(xml), DefaultOptions()); err == nil {
			t.Errorf("%s read as %s", xml, out)
		}
	}
}

func TestParse_NotFiniteInAPlist_IsNamed(t *testing.T) {
	t.Parallel()
	xml := `<dict><key>tests</key><array><dict><key>score</key><real>inf</real></dict></array></dict>`
	if got := refusal(t, xml, Options{}); got.Field != "tests[0].score" || !strings.Contains(got.Text, "is not a finite number") {
		t.Errorf("error %+v", got)
	}
}

func TestParse_DuplicateKeyInAPlist_IsRefused(t *testing.T) {
	t.Parallel()
	if got := refusal(t, `<dict><key>a</key><true/><key>a</key><true/></dict>`, Options{}); got.Field != "a" {
		t.Errorf("error %+v", got)
	}
}

// binaryList writes a binary property list of hand-made objects; the last is the top.
func binaryList(objects ...string) []byte {
	body := []byte("bplist00")
	var table []byte
	for _, o := range objects {
		table = binary.BigEndian.AppendUint32(table, uint32(len(body))) //nolint:gosec // small
		body = append(body, o...)
	}
	at := len(body)
	body = append(body, table...)
	body = append(body, 0, 0, 0, 0, 0, 0, 4, 1)
	body = binary.BigEndian.AppendUint64(body, uint64(len(objects)))
	body = binary.BigEndian.AppendUint64(body, uint64(len(objects)-1)) //nolint:gosec // at least one
	return binary.BigEndian.AppendUint64(body, uint64(at))             //nolint:gosec // small
}

func TestToJSON_BinaryValues(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"\x00": `null`, "\x08": `false`, "\x09": `true`,
		"\x10\xff": `255`, "\x11\xff\xff": `65535`, "\x12\xff\xff\xff\xff": `4294967295`,
		"\x13\xff\xff\xff\xff\xff\xff\xff\xfe":                                 `-2`,
		"\x14\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00": `18446744073709551616`,
		"\x22\x3f\xc0\x00\x00":                                                 `1.5`,
		"\x23\x3f\xf8\x00\x00\x00\x00\x00\x00":                                 `1.5`,
		"\x33\x00\x00\x00\x00\x00\x00\x00\x00":                                 `"2001-01-01T00:00:00"`,
		"\x33\x3f\xe0\x00\x00\x00\x00\x00\x00":                                 `"2001-01-01T00:00:00.5"`,
		"\x43\x02\x00\x01":                                                     `"AgAB"`,
		"\x52ab":                                                               `"ab"`,
		"\x5f\x10\x02ab":                                                       `"ab"`,
		"\x62\x00\xe4\x4e\x2d":                                                 `"ä中"`,
		"\xa0":                                                                 `[]`, "\xd0": `{}`,
	} {
		got, err := toJSON(binaryList(object), DefaultOptions())
		if err != nil || string(got) != want {
			t.Errorf("%x: %s, %v, want %s", object, got, err, want)
		}
	}
}

func TestToJSON_BrokenBinary_IsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"list in itself":          binaryList("\xa1\x00"),
		"lists in each other":     binaryList("\xa1\x01", "\xa1\x00"),
		"no such object":          binaryList("\xa1\x07"),
		"length beyond the file":  binaryList("\x5f\x13\x7f\xff\xff\xff\xff\xff\xff\xff"),
		"array beyond the file":   binaryList("\xaf\x13\x20\x00\x00\x00\x00\x00\x00\x00"),
		"dict that overflows":     binaryList("\xdf\x13\x80\x00\x00\x00\x00\x00\x00\x00"),
		"utf-16 that overflows":   binaryList("\x6f\x13\x80\x00\x00\x00\x00\x00\x00\x00"),
		"negative length":         binaryList("\xaf\x13\xff\xff\xff\xff\xff\xff\xff\xff"),
		"length that is no int":   binaryList("\x5f\x50ab"),
		"length of 16 bytes":      binaryList("\x5f\x14" + strings.Repeat("\x00", 16)),
		"cut off integer":         binaryList("\x13\x00"),
		"cut off length":          binaryList("\x5f\x12\x00"),
		"integer of 32 bytes":     binaryList("\x15" + strings.Repeat("\x00", 32)),
		"key that is no string":   binaryList("\x09", "\xd1\x00\x00"),
		"unknown kind":            binaryList("\xf0"),
		"reference of an archive": binaryList("\x80\x01"),
		"letters beyond ASCII":    binaryList("\x51\xe4"),
		"not finite":              binaryList("\x23\x7f\xf0\x00\x00\x00\x00\x00\x00"),
		"date beyond years":       binaryList("\x33\x7f\xe0\x00\x00\x00\x00\x00\x00"),
	} {
		if out, err := toJSON(body, DefaultOptions()); err == nil {
			t.Errorf("%s: read as %.60s", name, out)
		}
	}
	good := binaryList("\x09")
	trailer := len(good) - 32
	for at := trailer; at < len(good); at++ { // any byte of the trailer may lie
		for _, lie := range []byte{0x00, 0x01, 0x7f, 0xff} {
			body := append([]byte{}, good...)
			body[at] = lie
			_, _ = toJSON(body, DefaultOptions()) // must come back
		}
	}
}

// TestParse_HostilePlists_CostLittle feeds lists of a few bytes that stand for more than any memory, or
// nest deeper than any stack.
func TestParse_HostilePlists_CostLittle(t *testing.T) {
	// Not parallel: it looks at the memory of the whole process.
	sharing := []string{"\x5f\x10\x20" + strings.Repeat("x", 32)}
	for i := range 60 {
		sharing = append(sharing, "\xa8"+strings.Repeat(string([]byte{byte(i)}), 8))
	}
	keys := make([]string, 0, 200)
	for range 200 {
		keys = append(keys, "\xa1\x00")
	}
	claims := binaryList("\x09")
	claims[len(claims)-32+7] = 7 // references of 7 bytes and offsets of none: room for 2^56 objects
	claims[len(claims)-32+6] = 0
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"sharing":        {binaryList(sharing[:8]...), 413},
		"deep sharing":   {binaryList(sharing...), 413},
		"cycle":          {binaryList(keys...), 400},
		"claims":         {claims, 400},
		"deep xml":       {[]byte(strings.Repeat("<array>", 100_000)), 400},
		"deep xml dicts": {[]byte(strings.Repeat("<dict><key>a</key>", 50_000)), 400},
		"deep unknown":   {[]byte(strings.Repeat("<a>", 300_000)), 400},
		"entities":       {[]byte(`<!DOCTYPE x [<!ENTITY a "` + strings.Repeat("a", 1000) + `">]><string>` + strings.Repeat("&a;", 1000) + `</string>`), 400},
	} {
		t.Run(name, func(t *testing.T) {
			err := frugal(t, c.body, Options{MaxBytes: 1 << 20}, 64<<20)
			if refused, ok := errors.AsType[*Error](err); !ok || refused.Status != c.status {
				t.Errorf("error %v, want status %d", err, c.status)
			}
		})
	}
}

func TestParse_ProfileAsPlistData_IsAProfile(t *testing.T) {
	t.Parallel()
	tree := map[string]any{
		"machine": map[string]any{"name": "m"}, "run": map[string]any{"llvm_project_revision": "7"},
		"tests": []any{map[string]any{"name": "a", "profile": rawProfile(5), "score": 1.5}},
	}
	for _, format := range []int{plist.XMLFormat, plist.BinaryFormat} {
		body, err := plist.Marshal(tree, format)
		if err != nil {
			t.Fatal(err)
		}
		_, r := accept(t, string(body))
		if len(r.Profiles) != 1 || r.Profiles[0].Counters != "c=5" {
			t.Errorf("format %d: %s", format, fmt.Sprint(r.Profiles))
		}
	}
}
