package intake

import (
	"net/http"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// importWrites are for those who bring the history of another server.
func (s *Service) importWrites() []v5Write {
	return []v5Write{{
		Operation: openapi.Operation{
			Method: http.MethodPost, Path: "regressions/import", ID: "importRegressions", Tag: "regressions",
			Summary: "bring regressions of another server under their own numbers, with their findings", Scope: "admin",
			Body: event.RegressionImport{}, Answer: Written{}, Errors: []int{http.StatusConflict},
		},
		make: importRegressions,
	}}
}

// importRegressions takes findings without their ids, too: they follow from the rest.
func importRegressions(w *v5Request) (v5Event, error) {
	var body event.RegressionImport
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	for _, r := range body.Regressions {
		for i := range r.Findings {
			if f := &r.Findings[i]; f.ID == uuid.Nil {
				f.ID = f.IDOf(w.a.database, w.a.suite, event.DetectorLNT)
			}
		}
	}
	return v5Event{kind: event.RegressionImported, body: body}, nil
}
