package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
)

// body is what the values of all small bodies have in common.
type body interface{ Encode() ([]byte, error) }

// bodies are one good value of each type with its text, which may never change, and its decoder.
var bodies = map[event.Type]struct {
	value  body
	text   string
	decode func([]byte) (body, error)
}{
	event.RunRetracted: {
		event.Retraction{RunID: 17},
		`{"run_id":17}`,
		func(b []byte) (body, error) { return event.DecodeRetraction(b) },
	},
	event.MachineUpdated: {
		event.MachineUpdate{Machine: "bench 07", Values: json.RawMessage(`{"os":"linux","cores":8}`)},
		`{"machine":"bench 07","values":{"os":"linux","cores":8}}`,
		func(b []byte) (body, error) { return event.DecodeMachineUpdate(b) },
	},
	event.MachineRenamed: {
		event.MachineRename{Machine: "7", Name: "bench-08"},
		`{"machine":"7","name":"bench-08"}`,
		func(b []byte) (body, error) { return event.DecodeMachineRename(b) },
	},
	event.MachineMerged: {
		event.MachineMerge{Machine: "7", Into: "bench-08"},
		`{"machine":"7","into":"bench-08"}`,
		func(b []byte) (body, error) { return event.DecodeMachineMerge(b) },
	},
	event.MachineDeleted: {
		event.MachineDeletion{Machine: "bench-08"},
		`{"machine":"bench-08"}`,
		func(b []byte) (body, error) { return event.DecodeMachineDeletion(b) },
	},
	event.SuiteSeeded: {
		event.Seed{
			Machines: []event.SeededMachine{{ID: 3, Name: "m", Values: json.RawMessage(`{"os":"linux"}`)}, {ID: 9, Name: "n"}},
			Orders:   []event.SeededOrder{{ID: 5, Values: []string{"501234", "b"}}},
			Tests:    []event.SeededTest{{ID: 8, Name: "suite/alpha"}},
		},
		`{"machines":[{"id":3,"name":"m","values":{"os":"linux"}},{"id":9,"name":"n"}],` +
			`"orders":[{"id":5,"values":["501234","b"]}],"tests":[{"id":8,"name":"suite/alpha"}]}`,
		func(b []byte) (body, error) { return event.DecodeSeed(b) },
	},
}

func TestBodies_Encoded_AreThisTextAndDecodeToTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range bodies {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			text, err := c.value.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), c.text); diff != "" {
				t.Errorf("text: got - want +\n%s", diff)
			}
			got, err := c.decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, c.value); diff != "" {
				t.Errorf("got - want +\n%s", diff)
			}
		})
	}
}

func TestBodies_UnknownKeysAndOtherTexts_AreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range bodies {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{
				``, `null`, `[]`, `7`, `{`, c.text + `{}`, `{"surprise":1,` + c.text[1:], strings.Replace(c.text, `"m`, `"M_`, 1) + ` x`,
			} {
				if v, err := c.decode([]byte(text)); err == nil {
					t.Errorf("decoded %q to %+v", text, v)
				}
			}
		})
	}
}

func TestBodies_WhatCannotBe_ErrorNamesTheField(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", event.MaxSpec+1)
	for text, c := range map[string]struct {
		of   event.Type
		want string
	}{
		`{}`:                                            {event.RunRetracted, "run_id is missing"},
		`{"run_id":-1}`:                                 {event.RunRetracted, "run_id"},
		`{"run_id":4294967296}`:                         {event.RunRetracted, "run_id"},
		`{"run_id":"1"}`:                                {event.RunRetracted, "run_id"},
		`{"values":{}}`:                                 {event.MachineUpdated, "machine: is missing"},
		`{"machine":"m"}`:                               {event.MachineUpdated, "values: is not an object"},
		`{"machine":"m","values":null}`:                 {event.MachineUpdated, "values: is not an object"},
		`{"machine":"m","values":[]}`:                   {event.MachineUpdated, "values: is not an object"},
		`{"machine":"m","name":""}`:                     {event.MachineRenamed, "name: is missing"},
		`{"machine":"` + long + `"}`:                    {event.MachineDeleted, "machine: has 4097 bytes"},
		`{"machine":"1"}`:                               {event.MachineMerged, "into: is missing"},
		`{"machines":[{"id":0}]}`:                       {event.SuiteSeeded, "machines[0].id: 0"},
		`{"machines":[{"id":1}]}`:                       {event.SuiteSeeded, "machines[0].name: is missing"},
		`{"orders":[{"id":1}]}`:                         {event.SuiteSeeded, "orders[0].values: is missing"},
		`{"tests":[{"id":2147483648}]}`:                 {event.SuiteSeeded, "tests[0].id: 2147483648 is outside"},
		`{"tests":[{"id":1,"name":"a"},{}]}`:            {event.SuiteSeeded, "tests[1].id: 0"},
		`{"machines":[{"id":1,"name":"a","values":3}]}`: {event.SuiteSeeded, "machines[0].values: is not an object"},
	} {
		if _, err := bodies[c.of].decode([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %.60q: %v, want %q", c.of, text, err, c.want)
		}
	}
}

func TestSeed_MoreThanTheLimit_IsRefused(t *testing.T) {
	t.Parallel()
	if _, err := (event.Seed{Tests: make([]event.SeededTest, event.MaxSeeded+1)}).Encode(); err == nil || !strings.Contains(err.Error(), "exceed") {
		t.Errorf("Encode = %v", err)
	}
}

// FuzzDecodeBodies gives any text to every decoder: what one takes, it can write, and reads again as the same.
func FuzzDecodeBodies(f *testing.F) {
	for _, c := range bodies {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, c := range bodies {
			value, err := c.decode(text)
			if err != nil {
				continue
			}
			once, err := value.Encode()
			if err != nil {
				t.Fatalf("%s: decoded but cannot be encoded: %v", name, err)
			}
			again, err := c.decode(once)
			if err != nil {
				t.Fatalf("%s: encoded but cannot be decoded: %v", name, err)
			}
			twice, err := again.Encode()
			if err != nil || string(twice) != string(once) {
				t.Fatalf("%s: %q became %q (%v)", name, once, twice, err)
			}
		}
	})
}
