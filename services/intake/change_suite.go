package intake

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// postSchema defines or extends a suite; postSeed gives ids to what is imported into one.
var (
	postSchema = change{scope: auth.Manage, limit: fixed(suite.MaxYAML), media: yamlOnly, make: change.define, answer: defined}
	postSeed   = change{scope: auth.Admin, limit: func(c Config) int64 { return c.BodyLimit }, make: change.seed, answer: seeded}
)

var yamlTypes = []string{"application/x-yaml", "text/yaml", "text/x-yaml"}

func yamlOnly(media string) *apiError {
	kind, _, _ := strings.Cut(media, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if slices.Contains(yamlTypes, kind) {
		return nil
	}
	return said(http.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported Content-Type '%s'. Use application/x-yaml.", shown(kind)))
}

func (ch change) define(a *attempt, body []byte) (event.Type, []byte, *apiError) {
	schema, err := suite.ReadYAML(body, suite.YAMLOptions{Name: a.suite})
	if err != nil {
		text := err.Error()
		if known := (*suite.YAMLError)(nil); errors.As(err, &known) {
			text = known.Text()
		}
		return "", nil, said(http.StatusBadRequest, text)
	}
	a.schema = &schema
	return event.SuiteDefined, schema.Encode(), nil
}

func defined(a *attempt, _ event.Outcome) answer {
	return answer{result: resultAccepted, status: http.StatusCreated, body: map[string]any{
		"generated_by": "LNT Server v" + a.s.cfg.LNTVersion, "testsuite": a.suite, "schema": a.schema.LNT(),
	}}
}

func (ch change) seed(_ *attempt, body []byte) (event.Type, []byte, *apiError) {
	if _, err := event.DecodeSeed(body); err != nil {
		return "", nil, said(http.StatusBadRequest, err.Error())
	}
	return event.SuiteSeeded, body, nil
}

func seeded(_ *attempt, out event.Outcome) answer {
	return answer{result: resultAccepted, status: http.StatusOK, body: map[string]any{
		"added_machines": out.AddedMachines, "added_tests": out.AddedTests,
	}}
}
