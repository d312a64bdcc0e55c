package backtest

// Report sums a backtest up.
type Report struct {
	// Found and Standing are how many changes were found, and how many stand where it looked.
	Found    uint64 `json:"found"`
	Standing uint64 `json:"standing"`
	New      uint64 `json:"new"`
	Lost     uint64 `json:"lost"`
	Moved    uint64 `json:"moved"`
	Same     uint64 `json:"same"`
	// Of the changes found, how many people call real and none. The others have no label.
	FoundReal    uint64 `json:"found_real"`
	FoundNotReal uint64 `json:"found_not_real"`
	// The same of all changes that were ever found and stand or were dismissed.
	KnownReal    uint64 `json:"known_real"`
	KnownNotReal uint64 `json:"known_not_real"`
	// KnownRealFound is how many of KnownReal were found.
	KnownRealFound uint64 `json:"known_real_found"`
	// Precision is FoundReal of those found that have a label, Recall is KnownRealFound of KnownReal; null without any.
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	// StandingPrecision is KnownReal of all that have a label: what judges now, by the same measure.
	StandingPrecision *float64 `json:"standing_precision"`
	// Kept is how many rows can be read; beyond a bound they are only counted.
	Kept uint64 `json:"kept"`
}

// add counts one row.
func (r *Report) add(row Row) {
	switch row.Diff {
	case New:
		r.New++
	case Lost:
		r.Lost++
	case Moved:
		r.Moved++
	case Same:
		r.Same++
	}
	if row.Diff == Lost {
		return
	}
	r.Found++
	switch row.Label {
	case Real:
		r.FoundReal++
	case NotReal:
		r.FoundNotReal++
	case Unlabeled:
	}
}

// know counts a change that stands or was dismissed.
func (r *Report) know(k Known) {
	if k.Dismissed == 0 {
		r.Standing++
	}
	switch k.Label() {
	case Real:
		r.KnownReal++
	case NotReal:
		r.KnownNotReal++
	case Unlabeled:
	}
}

// finish works the shares out.
func (r *Report) finish() {
	share := func(part, rest uint64) *float64 {
		if part+rest == 0 {
			return nil
		}
		s := float64(part) / float64(part+rest)
		return &s
	}
	r.Precision = share(r.FoundReal, r.FoundNotReal)
	r.StandingPrecision = share(r.KnownReal, r.KnownNotReal)
	r.Recall = share(r.KnownRealFound, r.KnownReal-r.KnownRealFound)
}
