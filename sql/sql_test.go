package sql_test

import (
	"errors"
	"io/fs"
	"regexp"
	"testing"

	"tidemark/sql"
)

func TestFiles_KeepTheRulesOfTheirFolder(t *testing.T) {
	t.Parallel()
	for dir, list := range map[string]func() ([]sql.File, error){
		"views": sql.Views, "queries": sql.Queries, "jobs": sql.Jobs, "detectors": sql.Detectors,
	} {
		files, err := list()
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Errorf("sql/%s is empty", dir)
		}
		for _, f := range files {
			if err := errors.Join(f.Check(dir)...); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMigrations_AreNumberedWithoutGapsAndHoldOneStatementEach(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(sql.Migrations(), "*.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(`^(\d{6})_(create|add|drop|change)_[a-z_]+\.up\.sql$`)
	for i, name := range names {
		m := shape.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("%s is not named NNNNNN_verb_object.up.sql", name)
			continue
		}
		if want := regexp.MustCompile(`^0*`).ReplaceAllString(m[1], ""); want != itoa(i+1) {
			t.Errorf("%s stands at place %d", name, i+1)
		}
		text, err := fs.ReadFile(sql.Migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`;\s*\S`).Match(text) {
			t.Errorf("%s holds more than one statement", name)
		}
	}
}

func itoa(n int) string {
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}
