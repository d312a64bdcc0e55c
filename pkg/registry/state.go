package registry

import (
	"cmp"
	"strconv"
	"strings"

	"tidemark/pkg/suite"
)

// State is everything that deciding the next event of one suite depends on.
type State struct {
	database, name string
	// schema is nil while the suite is unknown.
	schema *suite.Schema
	// announced says that some decision's rows carried the schema; a built-in schema is known before it is announced.
	announced bool

	seq         uint64
	last        serials
	machines    map[uint32]*machine   // deleted ones, too
	namesakes   map[string][]*machine // by name, the largest id first; without deleted ones
	orders      map[string]uint32     // by orderKey
	orderValues map[uint32][]string   // by id
	orderPlaces map[uint32]string     // sort keys, by id
	tests       map[string]uint32     // by name
	testIDs     map[uint32]struct{}
	runs        standing
	changes     changes
	records     records
	seen        seen
}

// serials are the largest ids given out: ids that are kept leave gaps.
type serials struct {
	load, run, machine, order, test uint32
	sample                          uint64
}

// New gives the state of a suite without events. A built-in suite knows its schema; any other is unknown until it is defined.
func New(database, suiteName string) *State {
	s := &State{
		database:    database,
		name:        suiteName,
		machines:    make(map[uint32]*machine),
		namesakes:   make(map[string][]*machine),
		orders:      make(map[string]uint32),
		orderValues: make(map[uint32][]string),
		orderPlaces: make(map[uint32]string),
		tests:       make(map[string]uint32),
		testIDs:     make(map[uint32]struct{}),
		changes:     newChanges(),
		records:     newRecords(),
		seen:        newSeen(),
	}
	s.runs = newStanding(s.compareOrders)
	if schema, ok := suite.BuiltIn(suiteName); ok {
		s.schema = &schema
	}
	return s
}

// Seq is the position of the last event decided; 0 before the first.
func (s *State) Seq() uint64 { return s.seq }

// Schema returns the suite's schema as it is now; false while the suite is unknown.
func (s *State) Schema() (suite.Schema, bool) {
	if s.schema == nil {
		return suite.Schema{}, false
	}
	return s.schema.Clone(), true
}

// compareOrders says which of two orders comes first in the suite's history. Orders whose places are equal go by their ids.
func (s *State) compareOrders(a, b uint32) int {
	return cmp.Or(strings.Compare(s.orderPlaces[a], s.orderPlaces[b]), cmp.Compare(a, b))
}

// orderKey joins the values so that no two lists give the same text. One value, the usual case, is its own key.
func orderKey(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	var b strings.Builder
	for _, v := range values {
		b.WriteString(strconv.Itoa(len(v)))
		b.WriteByte(':')
		b.WriteString(v)
	}
	return b.String()
}
