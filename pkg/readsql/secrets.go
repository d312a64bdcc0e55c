package readsql

import (
	"maps"
	"regexp"
	"strings"

	"github.com/samber/lo"
)

// secretTables hold what people sent as they sent it: an address of a subscription among it is a password.
var secretTables = Words("ledger ledger_changes records mv_records")

// Secrets are the tables and views that show readers more than they should see; the views on them leave it out.
func Secrets() (map[string]struct{}, error) {
	ours, err := productViews()
	if err != nil {
		return nil, err
	}
	secret := maps.Clone(secretTables)
	maps.Copy(secret, lo.MapValues(lo.PickBy(ours, func(_ string, only bool) bool { return only }), func(bool, string) struct{} { return struct{}{} }))
	return secret, nil
}

// CheckBeside is [Guard.Check] for a place where some tables are for nobody, whichever database they are in.
func (g *Guard) CheckBeside(tree string, secrets map[string]struct{}) error {
	nodes := parseTree(tree)
	if err := g.check(nodes); err != nil {
		return err
	}
	for i, n := range nodes {
		if n.name != "TableIdentifier" && (n.name != "Identifier" || !isSet(nodes, i)) {
			continue
		}
		if table := n.text[strings.LastIndex(n.text, ".")+1:]; has(secrets, table) {
			return refuse("table %s holds what is not for readers: a view v_* shows the rest (a WITH clause needs another name)", table)
		}
	}
	return nil
}

// ownFilters is what a [Gate] says of the databases that a token is good for, texts within a text. Anything else could ask a question
// where no tree shows it.
var ownFilters = func() *regexp.Regexp {
	const name = `\\'(?:[^'\\]|\\\\\\'|\\\\\\\\|\\\\[ntr0])*\\'`
	return regexp.MustCompile(`^\{('[\w.]+': 'database IN \(` + name + `(, ` + name + `)*\)'(, )?)*\}$`)
}()
