package api

import (
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
	"tidemark/pkg/store"
	"tidemark/sql"
)

var qShadowScores = sql.MustQuery("rest_shadow_scores")

// shadowOperation tells how detectors do that judge as a shadow.
func (s *Service) shadowOperation() operation {
	return operation{openapi.Operation{
		Method: fiber.MethodGet, Path: "detectors/shadow", ID: "listShadowScores", Tag: "detectors",
		Summary: "what detectors of mode shadow found beside what stands, and how much of it people say is real",
		Details: "Two findings are the same when they go the same way within five orders of one series. What a shadow found is listed by findings?shadow=true&detector=NAME.",
		Query:   []openapi.Param{{Name: "detector", Help: "Only this one."}}, Answer: page[shadowScore]{},
	}, s.listShadowScores}
}

// shadowScore is one detector in the shadow. Numbers are of findings.
type shadowScore struct {
	Detector     string     `ch:"detector" json:"detector"`
	Found        uint64     `ch:"found" json:"found" doc:"findings of the shadow"`
	Agreed       uint64     `ch:"agreed" json:"agreed" doc:"of these, found by who is active, too"`
	Alone        uint64     `ch:"alone" json:"alone" doc:"of these, found by the shadow alone"`
	Missed       uint64     `ch:"missed" json:"missed" doc:"findings that stand in series that the shadow judges, and that it did not find"`
	FoundReal    uint64     `ch:"found_real" json:"found_real" doc:"found by the shadow, and taken up by people"`
	FoundNotReal uint64     `ch:"found_not_real" json:"found_not_real" doc:"found by the shadow, and dismissed or ignored by people"`
	Agreement    *float64   `json:"agreement" doc:"agreed of found; null when nothing was found"`
	Covered      *float64   `json:"covered" doc:"agreed of what stands where it judges: agreed / (agreed + missed); null for nothing"`
	Precision    *float64   `json:"precision" doc:"real of what people judged: found_real / (found_real + found_not_real); null for nothing"`
	Rules        []ruleItem `json:"rules" doc:"its rules of mode shadow; none when they were taken away since"`
}

func share(part, rest uint64) *float64 {
	if part+rest == 0 {
		return nil
	}
	return lo.ToPtr(float64(part) / float64(part+rest))
}

func (s *Service) listShadowScores(c *fiber.Ctx, q v5Request) error {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	name := q.params["detector"]
	if name != "" && !isDetector(name) {
		return missing("there is no detector '%s'", name)
	}
	rows, err := s.read.ShadowScores(q.ctx, q.key)
	if err != nil {
		return err
	}
	rules, err := s.read.Rules(q.ctx, q.key, name, false)
	if err != nil {
		return err
	}
	shadows := lo.Filter(rules, func(r ruleRow, _ int) bool { return r.Mode == string(event.ModeShadow) })
	for _, r := range shadows { // one that has found nothing yet
		if !slices.ContainsFunc(rows, func(row shadowScore) bool { return row.Detector == r.Detector }) {
			rows = append(rows, shadowScore{Detector: r.Detector})
		}
	}
	items := []shadowScore{}
	for _, row := range rows {
		if name != "" && row.Detector != name {
			continue
		}
		row.Agreement, row.Covered, row.Precision = share(row.Agreed, row.Alone), share(row.Agreed, row.Missed), share(row.FoundReal, row.FoundNotReal)
		row.Rules = append([]ruleItem{}, lo.FilterMap(shadows, func(r ruleRow, i int) (ruleItem, bool) { return toRule(r, i), r.Detector == row.Detector })...)
		items = append(items, row)
	}
	slices.SortFunc(items, func(a, b shadowScore) int { return strings.Compare(a.Detector, b.Detector) })
	return c.JSON(page[shadowScore]{Items: items})
}

// shadowReads keep the score.
type shadowReads interface {
	ShadowScores(ctx context.Context, k key) ([]shadowScore, error)
}

func (r storeReads) ShadowScores(ctx context.Context, k key) ([]shadowScore, error) {
	return store.Select[shadowScore](ctx, r.Store, qShadowScores, k.params())
}
