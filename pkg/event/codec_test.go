package event_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
)

var update = flag.Bool("update", false, "write golden files that do not exist yet")

func sample() event.Envelope {
	return event.Envelope{
		ID:          uuid.MustParse("0190a5c0-7e57-7abc-8def-0123456789ab"),
		Type:        event.RunSubmitted,
		Version:     1,
		Database:    "default",
		Suite:       "nts",
		ContentType: "application/json",
		ReceivedAt:  time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC),
		Actor:       "bot-7",
		RequestID:   "req-1",
		Params:      map[string]string{event.ParamMerge: "replace", event.ParamSelectMachine: "match"},
		Body:        []byte(`{"format_version":"2"}`),
	}
}

func TestEncode_AnyEnvelope_DecodesToTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 30, 60)
		var id uuid.UUID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		id[0] |= 1
		want := event.Envelope{
			ID:          id,
			Type:        event.Type("t" + text.Draw(t, "type")),
			Version:     rapid.IntRange(1, 65535).Draw(t, "version"),
			Database:    "d" + strings.ReplaceAll(text.Draw(t, "database"), "/", ""),
			Suite:       "s" + text.Draw(t, "suite"),
			ContentType: text.Draw(t, "content type"),
			ReceivedAt:  time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "received")).UTC(),
			Actor:       text.Draw(t, "actor"),
			RequestID:   text.Draw(t, "request"),
			Params:      rapid.MapOfN(rapid.StringN(0, 20, 40), text, 0, 5).Draw(t, "params"),
			Body:        bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "body"), rapid.IntRange(1, 100).Draw(t, "times")),
		}
		key, value, headers, err := event.Encode(want)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		got, err := event.Decode(key, value, headers)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if len(want.Params) == 0 {
			want.Params = nil
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Fatalf("got - want +\n%s", diff)
		}
	})
}

func TestEncode_LargeRepetitiveBody_IsCompressed(t *testing.T) {
	t.Parallel()
	e := sample()
	e.Body = bytes.Repeat([]byte(`{"name":"a","execution_time":1.5},`), 1000)
	key, value, headers, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if len(value) > len(e.Body)/10 {
		t.Errorf("value has %d bytes for a body of %d", len(value), len(e.Body))
	}
	got, err := event.Decode(key, value, headers)
	if err != nil || !bytes.Equal(got.Body, e.Body) {
		t.Errorf("decoded another body (%v)", err)
	}
}

func TestEncode_IncompressibleBody_IsStoredAsItIs(t *testing.T) {
	t.Parallel()
	e := sample()
	e.Body = make([]byte, 4096)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(e.Body)
	_, value, _, err := event.Encode(e)
	if err != nil || !bytes.Equal(value, e.Body) {
		t.Errorf("value differs from the body (%v)", err)
	}
}

func TestEncode_InvalidEnvelope_NamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, _, _, err := event.Encode(event.Envelope{Database: "a/b"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"id is missing", "type is missing", "version 0", `database "a/b"`, "suite is missing", "received_at"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	e := sample()
	e.Params = map[string]string{"refused_detail": strings.Repeat("x", event.MaxHeaderValue+1)}
	if _, _, _, err := event.Encode(e); err == nil {
		t.Error("a parameter that no reader takes was written")
	}
}

func TestDecode_DamagedRecord_IsMalformed(t *testing.T) {
	t.Parallel()
	e := sample()
	e.Body = bytes.Repeat([]byte("abcdefgh"), 1000)
	key, value, headers, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, v string) []event.Header {
		out := slices.DeleteFunc(slices.Clone(headers), func(h event.Header) bool { return h.Key == name })
		return append(out, event.Header{Key: name, Value: []byte(v)})
	}
	without := func(name string) []event.Header {
		return slices.DeleteFunc(slices.Clone(headers), func(h event.Header) bool { return h.Key == name })
	}
	flipped := bytes.Clone(value)
	flipped[len(flipped)/2] ^= 0x40
	many := slices.Clone(headers)
	for len(many) <= event.MaxHeaders {
		many = append(many, event.Header{Key: "x"})
	}
	cases := map[string]struct {
		key, value []byte
		headers    []event.Header
	}{
		"no headers":          {key, value, nil},
		"unknown layout":      {key, value, set("format", "2")},
		"key without slash":   {[]byte("nts"), value, headers},
		"empty database":      {[]byte("/nts"), value, headers},
		"empty suite":         {[]byte("default/"), value, headers},
		"key too long":        {[]byte("d/" + strings.Repeat("s", event.MaxKey)), value, headers},
		"no id":               {key, value, without("id")},
		"id in another form":  {key, value, set("id", "{"+e.ID.String()+"}")},
		"no type":             {key, value, without("type")},
		"version zero":        {key, value, set("version", "0")},
		"version not decimal": {key, value, set("version", "one")},
		"version too large":   {key, value, set("version", "70000")},
		"time not decimal":    {key, value, set("received-at", "noon")},
		"time out of range":   {key, value, set("received-at", "99999999999999999")},
		"no size":             {key, value, without("size")},
		"other size":          {key, value, set("size", "7999")},
		"huge size":           {key, value, set("size", "1000000000000")},
		"unknown encoding":    {key, value, set("encoding", "br")},
		"encoding forgotten":  {key, value, without("encoding")},
		"other digest":        {key, value, set("sha256", strings.Repeat("x", sha256.Size))},
		"flipped bit":         {key, flipped, headers},
		"cut value":           {key, value[:len(value)-1], headers},
		"header twice":        {key, value, append(slices.Clone(headers), event.Header{Key: "type", Value: []byte("run.submitted")})},
		"too many headers":    {key, value, many},
		"header too long":     {key, value, append(slices.Clone(headers), event.Header{Key: "x", Value: make([]byte, event.MaxHeaderValue+1)})},
		"header name too long": {key, value, append(slices.Clone(headers),
			event.Header{Key: strings.Repeat("x", event.MaxHeaderName+1)})},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := event.Decode(c.key, c.value, c.headers); !errors.Is(err, event.ErrMalformed) {
				t.Errorf("Decode = %v, want ErrMalformed", err)
			}
		})
	}
}

func TestDecode_FrameThatExpandsWithoutEnd_StopsAtTheBound(t *testing.T) {
	t.Parallel()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := enc.EncodeAll(make([]byte, event.MaxBody+1), nil)
	key, _, headers, err := event.Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	headers = slices.DeleteFunc(headers, func(h event.Header) bool { return h.Key == "size" })
	for _, size := range []string{"10", "67108864", "67108865"} {
		bombed := append(slices.Clone(headers),
			event.Header{Key: "encoding", Value: []byte("zstd")}, event.Header{Key: "size", Value: []byte(size)})
		if _, err := event.Decode(key, bomb, bombed); !errors.Is(err, event.ErrMalformed) {
			t.Errorf("size %s: Decode = %v, want ErrMalformed", size, err)
		}
	}
}

func TestDecode_HeadersOfOthers_AreIgnored(t *testing.T) {
	t.Parallel()
	key, value, headers, err := event.Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	headers = append(headers, event.Header{Key: "traceparent", Value: []byte("a")}, event.Header{Key: "traceparent", Value: []byte("b")})
	got, err := event.Decode(key, value, headers)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, sample()); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
}

// golden is a record as it lies in the log, and the envelope it must give for ever.
type golden struct {
	Why      string         `json:"why"`
	Key      string         `json:"key"`
	Headers  []goldenHeader `json:"headers"`
	Value    string         `json:"value_base64"`
	Envelope goldenEnvelope `json:"envelope"`
}

type goldenHeader struct {
	Key  string `json:"key"`
	Text string `json:"text,omitempty"`
	Raw  string `json:"base64,omitempty"`
}

type goldenEnvelope struct {
	ID          string            `json:"id"`
	Type        event.Type        `json:"type"`
	Version     int               `json:"version"`
	Database    string            `json:"database"`
	Suite       string            `json:"suite"`
	ContentType string            `json:"content_type,omitempty"`
	ReceivedAt  time.Time         `json:"received_at"`
	Actor       string            `json:"actor,omitempty"`
	RequestID   string            `json:"request_id,omitempty"`
	Params      map[string]string `json:"params,omitempty"`
	Body        string            `json:"body"`
}

func TestDecode_EveryRecordEverWritten_DecodesForEver(t *testing.T) {
	t.Parallel()
	if *update {
		writeMissingGoldens(t)
	}
	files, err := filepath.Glob("testdata/*.v*.json")
	if err != nil || len(files) < len(goldenEvents()) {
		t.Fatalf("%d golden records, want at least %d (%v)", len(files), len(goldenEvents()), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			var g golden
			readJSON(t, file, &g)
			headers := make([]event.Header, len(g.Headers))
			for i, h := range g.Headers {
				headers[i] = event.Header{Key: h.Key, Value: []byte(h.Text)}
				if h.Raw != "" {
					headers[i].Value = fromBase64(t, h.Raw)
				}
			}
			got, err := event.Decode([]byte(g.Key), fromBase64(t, g.Value), headers)
			if err != nil {
				t.Fatal(err)
			}
			w := g.Envelope
			want := event.Envelope{
				ID: uuid.MustParse(w.ID), Type: w.Type, Version: w.Version, Database: w.Database, Suite: w.Suite, ContentType: w.ContentType,
				ReceivedAt: w.ReceivedAt, Actor: w.Actor, RequestID: w.RequestID, Params: w.Params, Body: []byte(w.Body),
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("got - want +\n%s", diff)
			}
		})
	}
}

// goldenEvents are the current versions. A new version gets a new entry; a file once written is never rewritten.
func goldenEvents() map[string]event.Envelope {
	report := sample()
	report.Body = []byte(`{"format_version":"2","machine":{"name":"bench-07","hardware":"aarch64"},"run":{"llvm_project_revision":"501234"},` +
		`"tests":[` + strings.Repeat(`{"name":"suite/alpha","execution_time":[1.25,1.27],"hash":"9b1d0c"},`, 20) + `{"name":"suite/beta"}]}`)

	small := sample()
	small.Actor, small.RequestID, small.Params = "", "", nil

	refused := sample()
	refused.Type = event.SubmissionRefused
	refused.Body = []byte("not a report\n")
	refused.Params = map[string]string{
		event.ParamRefusedCode: "400", event.ParamRefusedError: "could not parse input format",
		event.ParamRefusedDetail: "unable to guess input format", event.ParamRefusedField: "input_data",
	}

	defined := sample()
	defined.Type, defined.Suite = event.SuiteDefined, "libx"
	defined.Body = []byte(`{"name":"libx","metrics":[{"name":"t","type":"Real"}],"run_fields":[{"name":"rev","order":true}],"machine_fields":[]}`)

	found := sample()
	found.Type, found.Actor, found.Params = event.ChangeFound, "detector", nil
	found.Body = []byte(`{"detector":"lnt","version":1,"params":{"window":10},"data_seq":7,"findings":[{"machine_id":1,"test_id":2,` +
		`"metric":"execution_time","order_id":3,"previous_order_id":2,"direction":"up","kind":"regression","before":1,"after":1.5,` +
		`"spread":0.01,"effect":0.5,"statistic":12.5,"p_value":0.001,"active":true,"id":"6f6ff0e9-7b7f-8f3e-9a43-2f7f6b1f2f00"}]}`)

	events := map[string]event.Envelope{
		"run.submitted.v1.json":       report,
		"run.submitted-small.v1.json": small,
		"submission.refused.v1.json":  refused,
		"suite.defined.v1.json":       defined,
		"change.found.v1.json":        found,
	}
	for name, c := range bodies {
		e := sample()
		e.Type, e.Params, e.Body = name, nil, []byte(c.text)
		events[string(name)+".v1.json"] = e
	}
	return events
}

func writeMissingGoldens(t *testing.T) {
	t.Helper()
	events := goldenEvents()
	for _, name := range slices.Sorted(maps.Keys(events)) {
		path := filepath.Join("testdata", name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		e := events[name]
		key, value, headers, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		g := golden{
			Why: "a record of this type and version, as it was first written", Key: string(key), Value: base64.StdEncoding.EncodeToString(value),
			Envelope: goldenEnvelope{
				ID: e.ID.String(), Type: e.Type, Version: e.Version, Database: e.Database, Suite: e.Suite, ContentType: e.ContentType,
				ReceivedAt: e.ReceivedAt, Actor: e.Actor, RequestID: e.RequestID, Params: e.Params, Body: string(e.Body),
			},
		}
		for _, h := range headers {
			if h.Key == "sha256" {
				g.Headers = append(g.Headers, goldenHeader{Key: h.Key, Raw: base64.StdEncoding.EncodeToString(h.Value)})
			} else {
				g.Headers = append(g.Headers, goldenHeader{Key: h.Key, Text: string(h.Value)})
			}
		}
		data, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func fromBase64(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func FuzzDecode(f *testing.F) {
	for _, e := range goldenEvents() {
		key, value, headers, err := event.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		var flat bytes.Buffer
		for _, h := range headers {
			flat.WriteString(h.Key + "\x00" + string(h.Value) + "\x01")
		}
		f.Add(key, value, flat.Bytes())
	}
	f.Fuzz(func(t *testing.T, key, value, flat []byte) {
		var headers []event.Header
		for line := range bytes.SplitSeq(flat, []byte{1}) {
			name, v, _ := bytes.Cut(line, []byte{0})
			headers = append(headers, event.Header{Key: string(name), Value: v})
		}
		e, err := event.Decode(key, value, headers)
		if err != nil {
			if !errors.Is(err, event.ErrMalformed) {
				t.Fatalf("error is not ErrMalformed: %v", err)
			}
			return
		}
		key2, value2, headers2, err := event.Encode(e)
		if err != nil {
			t.Fatalf("decoded but cannot be encoded: %v", err)
		}
		again, err := event.Decode(key2, value2, headers2)
		if err != nil {
			t.Fatalf("encoded but cannot be decoded: %v", err)
		}
		if diff := cmp.Diff(again, e); diff != "" {
			t.Fatalf("got - want +\n%s", diff)
		}
	})
}

func BenchmarkDecode_300kB(b *testing.B) {
	e := sample()
	e.Body = bytes.Repeat([]byte(`{"name":"suite/alpha","execution_time":[1.25,1.27],"hash":"9b1d0c"},`), 300_000/68)
	key, value, headers, err := event.Encode(e)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(e.Body)))
	for b.Loop() {
		if _, err := event.Decode(key, value, headers); err != nil {
			b.Fatal(err)
		}
	}
}
