package event_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

func init() {
	for name, c := range map[event.Type]struct {
		value  body
		text   string
		decode func([]byte) (body, error)
	}{
		event.RegressionOpened: {
			event.RegressionOpening{ChangeIDs: []uint32{4, 2}, Title: "slower", Bug: "https://bugs.example.org/1", State: event.StateActive},
			`{"change_ids":[4,2],"title":"slower","bug":"https://bugs.example.org/1","state":10}`,
			func(b []byte) (body, error) { return event.DecodeRegressionOpening(b) },
		},
		event.RegressionExtended: {
			event.RegressionExtension{RegressionID: 3, ChangeIDs: []uint32{9}},
			`{"regression_id":3,"change_ids":[9]}`,
			func(b []byte) (body, error) { return event.DecodeRegressionExtension(b) },
		},
		event.RegressionTriaged: {
			event.RegressionTriage{RegressionID: 3, Bug: lo.ToPtr(""), State: lo.ToPtr(event.StateFixed)},
			`{"regression_id":3,"title":null,"bug":"","state":22}`,
			func(b []byte) (body, error) { return event.DecodeRegressionTriage(b) },
		},
		event.RegressionMerged: {
			event.RegressionMerge{RegressionIDs: []uint32{3, 1}},
			`{"regression_ids":[3,1]}`,
			func(b []byte) (body, error) { return event.DecodeRegressionMerge(b) },
		},
		event.RegressionSplit: {
			event.RegressionSplitting{RegressionID: 3, ChangeIDs: []uint32{9, 8}},
			`{"regression_id":3,"change_ids":[9,8]}`,
			func(b []byte) (body, error) { return event.DecodeRegressionSplitting(b) },
		},
		event.RegressionDeleted: {
			event.RegressionDeletion{RegressionIDs: []uint32{3}},
			`{"regression_ids":[3]}`,
			func(b []byte) (body, error) { return event.DecodeRegressionDeletion(b) },
		},
		event.ChangeIgnored: {
			event.ChangeDismissal{ChangeIDs: []uint32{7}},
			`{"change_ids":[7]}`,
			func(b []byte) (body, error) { return event.DecodeChangeDismissal(b) },
		},
	} {
		bodies[name] = c
	}
}

func TestRegressionBodies_WhatCannotBe_ErrorNamesTheField(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		of   event.Type
		want string
	}{
		`{}`:                              {event.RegressionOpened, "change_ids: is missing"},
		`{"change_ids":[1,0]}`:            {event.RegressionOpened, "change_ids: no id is 0"},
		`{"change_ids":[1,2,1]}`:          {event.RegressionOpened, "change_ids: an id comes twice"},
		`{"change_ids":[1],"state":2}`:    {event.RegressionOpened, "state: 2 is none of"},
		`{"change_ids":[1],"state":300}`:  {event.RegressionOpened, "state"},
		`{"change_ids":[1],"title":7}`:    {event.RegressionOpened, "title"},
		`{"change_ids":[1]}`:              {event.RegressionExtended, "regression_id: no id is 0"},
		`{"regression_id":1}`:             {event.RegressionSplit, "change_ids: is missing"},
		`{"title":"x"}`:                   {event.RegressionTriaged, "regression_id: no id is 0"},
		`{"regression_id":1,"state":11}`:  {event.RegressionTriaged, "state: 11 is none of"},
		`{"regression_ids":[]}`:           {event.RegressionMerged, "regression_ids: is missing"},
		`{"regression_ids":[4294967296]}`: {event.RegressionDeleted, "regression_ids"},
		`{"change_ids":["1"]}`:            {event.ChangeIgnored, "change_ids"},
		`{"regression_id":1,"title":"` + strings.Repeat("ä", 1025) + `"}`: {event.RegressionTriaged, "title: has more than 1024 characters"},
	} {
		if _, err := bodies[c.of].decode([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %.60q: %v, want %q", c.of, text, err, c.want)
		}
	}
}

func TestSpanID_AnyPartDiffers_OtherID(t *testing.T) {
	t.Parallel()
	ids := []uuid.UUID{
		event.SpanID("d", "s", 1, 2, "m", 3, 4),
		event.SpanID("e", "s", 1, 2, "m", 3, 4),
		event.SpanID("d", "t", 1, 2, "m", 3, 4),
		event.SpanID("d", "s", 2, 2, "m", 3, 4),
		event.SpanID("d", "s", 1, 3, "m", 3, 4),
		event.SpanID("d", "s", 1, 2, "n", 3, 4),
		event.SpanID("d", "s", 1, 2, "m", 4, 4),
		event.SpanID("d", "s", 1, 2, "m", 3, 5),
	}
	if len(lo.Uniq(ids)) != len(ids) {
		t.Errorf("some are the same: %v", ids)
	}
	if ids[0] != event.SpanID("d", "s", 1, 2, "m", 3, 4) || ids[0].String() != "3604a244-c205-87fe-b09b-1bf747d56069" {
		t.Errorf("SpanID = %s, which must never change", ids[0])
	}
}
