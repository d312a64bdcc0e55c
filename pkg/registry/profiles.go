package registry

import "tidemark/pkg/report"

// profilesOf lists the sample rows of a run that have a profile, in the order in which they got it. Profiles that no sample wanted
// are counted only.
func profilesOf(r *report.Resolved, rowTest []uint32) Profiles {
	p := Profiles{Unmatched: len(r.UnmatchedProfiles)}
	for _, profile := range r.Profiles {
		for _, row := range profile.Rows {
			p.Row = append(p.Row, row)
			p.TestID = append(p.TestID, rowTest[row])
			p.Counters = append(p.Counters, profile.Counters)
		}
	}
	return p
}
