package web

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLocate_PathsAndPlaces(t *testing.T) {
	t.Parallel()
	const body = "{\n \"run\": {\"a.b\": 1},\n \"tests\": [{\"x\": 1}, {\"y\" : [2, 3]}]\n}"
	for field, want := range map[string]string{
		"run": `{"a.b"`, "run.a.b": `1}`, "run.gone": `{"a.b"`, "tests[1].y": "[2, 3]", "tests[1].y[1]": "3]", "tests[7].z": `[{"x"`, "tests[0]": `{"x"`,
	} {
		at := locate([]byte(body), field, "")
		if at < 0 || !strings.HasPrefix(body[at:], want) {
			t.Errorf("%s: at %d, want it where %s starts", field, at, want)
		}
	}
	for field, message := range map[string]string{"": "no place", "nothing": "", "te": ""} {
		if at := locate([]byte(body), field, message); at != -1 {
			t.Errorf("%q %q: at %d, want no place", field, message, at)
		}
	}
	if at := locate([]byte(body), "", "json: something at byte 12, in \"\""); at != 12 {
		t.Errorf("at %d, want 12", at)
	}
}

func TestShowSent_OneLongLine_ShowsThePartAroundTheMistake(t *testing.T) {
	t.Parallel()
	body := `{"tests":[` + strings.Repeat(`{"name":"t"},`, 50_000) + `{"bad":1}]}`
	v := showSent([]byte(body), "tests[50000].bad", "")
	if len(v.Lines) != 1 || v.Line != 1 || !v.Lines[0].Wrong || !v.Lines[0].Before || v.Lines[0].After || !strings.HasSuffix(v.Lines[0].Text, `{"bad":1}]}`) || v.Whole() {
		t.Errorf("%+v", v)
	}
}

func FuzzShowSent(f *testing.F) {
	f.Add([]byte("{\"a\":[1,\n{\"b\":2}]}"), "a[1].b", "")
	f.Add([]byte("\xff\x00"), "a", "at byte 1")
	f.Add([]byte("\n\n\u202e"), "", "at byte 99999")
	f.Add([]byte("\n\n\xe2"), "5[o", "at byte 99999") // cut amid a character
	f.Fuzz(func(t *testing.T, body []byte, field, message string) {
		v := showSent(body, field, message)
		if len(v.Lines) > max(sentLines, sentHex/16) || v.Line > v.All || v.Line < 0 {
			t.Errorf("%d lines of %d, the mistake in %d", len(v.Lines), v.All, v.Line)
		}
		for _, l := range v.Lines {
			if !utf8.ValidString(l.Text) || strings.ContainsFunc(l.Text, hides) {
				t.Errorf("line %d hides something: %q", l.Number, l.Text)
			}
		}
	})
}
