package readsql

import "testing"

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"INSERT INTO t (a) VALUES (1)", "SELECT `a\\x41` FROM \"b\" FORMAT JSON", "$a$ $a$", "/*", "'", "INSERT INTO FUNCTION x(", "# \n-- \n#!", "SELECT 'a''b\\'",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		Scan(text, func(token Token) bool {
			if token.Start < end || token.End <= token.Start || token.End > len(text) {
				t.Fatalf("token %+v after %d of %d bytes", token, end, len(text))
			}
			end = token.End
			return false
		})
	})
}

func FuzzGuardCheck(f *testing.F) {
	guard := NewGuard([]string{"url", "numbers"}, []string{"aiGenerate", "lower"})
	f.Add("SelectWithUnionQuery (children 1)\n Function url (children 1)\n")
	f.Add("Explain EXPLAIN\n Set\n")
	f.Fuzz(func(t *testing.T, tree string) {
		if guard.Check("SelectWithUnionQuery\n"+tree+"\n Function uRl (alias x) (children 1)\n") == nil {
			t.Error("a refused function passed")
		}
	})
}
