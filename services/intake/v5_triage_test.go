package intake

import (
	"testing"

	"tidemark/pkg/event"
)

// TestV5_ANoteAlone_IsSomethingToSay: only who says nothing at all is refused.
func TestV5_ANoteAlone_IsSomethingToSay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{`{}`, `{"note":""}`} {
		if r := b.do(t, "PATCH", v5Base+"regressions/1", []byte(body), withToken, asJSON); r.status != 400 {
			t.Errorf("%s: %d %s", body, r.status, r.text)
		}
	}
	if r := b.do(t, "PATCH", v5Base+"regressions/1", []byte(`{"note":"bisecting"}`), withToken, asJSON); r.status != 404 {
		t.Errorf("the state has no regression 1, and says so: %d %s", r.status, r.text)
	}
	said, err := event.DecodeRegressionTriage(b.log.lastEvent(t).Body)
	if err != nil || said.Note != "bisecting" || said.State != nil {
		t.Errorf("%+v, %v", said, err)
	}
}

// TestV5_Dismissals_AreOfWhatStands; what is taken back need not.
func TestV5_Dismissals_AreOfWhatStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, standing := range map[string]bool{`{"ids":[1]}`: true, `{"ids":[1],"restore":true}`: false} {
		b.do(t, "POST", v5Base+"findings/dismiss", []byte(body), withToken, asJSON)
		said, err := event.DecodeChangeDismissal(b.log.lastEvent(t).Body)
		if err != nil || said.Standing != standing {
			t.Errorf("%s: %+v, %v", body, said, err)
		}
	}
}
