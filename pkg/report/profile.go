package report

import (
	"encoding/base64"
	"errors"
	"strings"

	"tidemark/pkg/profile"
)

// readProfile reads the index of a profile from its base64 text: its counters, and all its bytes.
func readProfile(encoded []byte, path string) (counters string, data []byte, err error) {
	data = make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(data, encoded)
	if err != nil {
		return "", nil, misfit(path, "is not base64: %s", err)
	}
	data = data[:n]
	counters, err = profile.Summarize(data)
	if err != nil {
		return "", nil, misfit(path, "%s", err)
	}
	return counters, data, nil
}

// Profile is one profile and the rows of Samples that have it.
type Profile struct {
	// Counters are those of the whole program, "a=1,b=2", cut at 512 characters.
	Counters string
	Rows     []uint32
}

// maxCounterText bounds the counters of all rows with a profile together, in bytes: one profile may be that of very many rows.
const maxCounterText = 64 << 20

// profileBook hands profiles to rows; a row takes the first that is offered.
type profileBook struct {
	list      []Profile
	unmatched map[string]bool
	// spans are the rows that each name of a profile-only entry can use: those of the test of that
	// name, and of every test whose name starts with it and ".test:".
	spans map[string][]span
	taken map[uint32]bool
	// text counts the bytes of the counters of all rows that have a profile.
	text int
}

type span struct{ first, rows uint32 }

func newProfileBook(s *Submission) profileBook {
	b := profileBook{unmatched: map[string]bool{}, spans: map[string][]span{}, taken: map[uint32]bool{}}
	for i := range s.Tests {
		if t := &s.Tests[i]; t.ProfileOnly {
			b.spans[t.Name] = nil
		}
	}
	return b
}

// add offers the rows of an entry, the first of which take the entry's own profiles.
func (b *profileBook) add(t *Test, first uint32, rows int) {
	if rows == 0 {
		return
	}
	for i, p := range t.Profiles {
		row := first + uint32(i) //nolint:gosec // Options.MaxValues bounds the rows
		b.taken[row] = true
		b.text += len(p)
		b.list = append(b.list, Profile{Counters: p, Rows: []uint32{row}})
	}
	if len(b.spans) == 0 {
		return
	}
	mine := span{first, uint32(rows)} //nolint:gosec // Options.MaxValues bounds the rows
	b.offer(t.Name, mine)
	const subtest = ".test:"
	for from := 0; ; {
		i := strings.Index(t.Name[from:], subtest)
		if i < 0 {
			return
		}
		b.offer(t.Name[:from+i], mine)
		from += i + len(subtest)
	}
}

func (b *profileBook) offer(name string, s span) {
	if list, wanted := b.spans[name]; wanted {
		b.spans[name] = append(list, s)
	}
}

// share gives the profile of a profile-only entry to every row it is meant for that has none yet.
func (b *profileBook) share(entry int, t *Test) error {
	p := Profile{Counters: t.Profiles[0]}
	for _, s := range b.spans[t.Name] {
		for row := s.first; row < s.first+s.rows; row++ {
			if !b.taken[row] {
				b.taken[row] = true
				p.Rows = append(p.Rows, row)
			}
		}
	}
	b.spans[t.Name] = nil // all of them have a profile now; a later entry need not walk them again
	if len(p.Rows) == 0 {
		b.unmatched[t.Name] = true
		return nil
	}
	if b.text += len(p.Rows) * len(p.Counters); b.text > maxCounterText {
		return misfit(index("tests", entry)+".profile", "the counters of the profiles of all samples have more than %d bytes", maxCounterText)
	}
	b.list = append(b.list, p)
	return nil
}

// ErrNoProfile says that no sample of a test has a profile.
var ErrNoProfile = errors.New("the report has no profile of this test")

// ProfileOf gives the bytes of a test's profile from a report that was accepted: that of the first of its samples that has one, as
// LNT shows it. Of all profiles only those this test may use are kept in memory on the way.
func ProfileOf(body []byte, test string, opts Options) ([]byte, error) {
	usable := func(name string) bool { return name == test || strings.HasPrefix(test, name+".test:") }
	data := map[int][]byte{}
	opts.take = func(entry int, name string, profile []byte) {
		if usable(name) {
			data[entry] = profile
		}
	}
	s, err := Parse(body, opts)
	if err != nil {
		return nil, err
	}
	var own, shared []byte
	sampled, first := false, false // first: the first sample has a profile of its own
	for i := range s.Tests {
		switch t := &s.Tests[i]; {
		case t.ProfileOnly:
			if shared == nil {
				shared = data[i]
			}
		case t.Name == test && t.rows() > 0:
			if own == nil && len(t.Profiles) > 0 {
				own, first = data[i], !sampled
			}
			sampled = true
		}
	}
	switch {
	case own != nil && (first || shared == nil):
		return own, nil
	case sampled && shared != nil: // given to every sample that has none of its own
		return shared, nil
	default:
		return nil, ErrNoProfile
	}
}

// rows is the number of samples of an entry.
func (t *Test) rows() int {
	rows := len(t.Profiles)
	for _, m := range t.Values {
		rows = max(rows, len(m.Values))
	}
	return rows
}
