package readsql_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"tidemark/pkg/readsql"
	"tidemark/sql"
)

var (
	created = regexp.MustCompile(`(?m)^CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)(?: TO (\w+))?`)
	asSent  = regexp.MustCompile(`(?m)^ +(body|record_rows) +`)
	product = regexp.MustCompile(`(?m)^-- readers: no\n(?s:.*?)^CREATE OR REPLACE VIEW (\w+)`)
)

func TestSecrets_TablesAndViewsWithWhatWasSent_AreAmongThem(t *testing.T) {
	t.Parallel()
	secrets, err := readsql.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	want := func(name string) {
		if _, hidden := secrets[name]; !hidden {
			t.Errorf("%s can be read", name)
		}
	}
	// A backtest has no more in it than its page shows.
	harmless := map[string]bool{"backtests": true}
	tables := sql.Migrations()
	names, err := fs.Glob(tables, "*.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		text, err := fs.ReadFile(tables, name)
		if err != nil {
			t.Fatal(err)
		}
		m := created.FindSubmatch(text)
		switch {
		case m == nil || harmless[string(m[1])]:
		case len(m[2]) > 0:
			if _, hidden := secrets[string(m[2])]; hidden {
				found++
				want(string(m[1]))
			}
		case asSent.Match(text):
			found++
			want(string(m[1]))
		}
	}
	views, err := sql.Views()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range views {
		if m := product.FindStringSubmatch(v.Text); m != nil {
			found++
			want(m[1])
		}
	}
	if found < len(secrets) {
		t.Errorf("%d were looked at, there are %d", found, len(secrets))
	}
}

func TestSettings_FiltersOfAnotherHand_AreRefused(t *testing.T) {
	t.Parallel()
	for filter, fine := range map[string]bool{
		`{}`: true,
		`{'tidemark.v_runs': 'database IN (\'a\', \'b-2\')', 'tidemark.v_tests': 'database IN (\'a\', \'b-2\')'}`: true,
		`{'tidemark.v_runs': 'database IN (SELECT body FROM ledger)'}`:                                            false,
		`{'tidemark.v_runs': 'database IN ledger'}`:                                                               false,
		`{'tidemark.v_runs': 'database IN (\'a\') OR 1 IN (\x53ELECT 1)'}`:                                        false,
		`{'tidemark.v_runs': 'database IN (\'a\\\') OR throwIf(1) OR (\'\')'}`:                                    false,
		`{'system.one':'sleep(1)'}`:                                                                               false,
	} {
		_, err := readsql.DefaultLimits().Settings(map[string]string{"additional_table_filters": filter})
		if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "additional_table_filters") {
			t.Errorf("%s: %v", filter, err)
		}
	}
}
