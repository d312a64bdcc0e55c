package main

import (
	"fmt"

	"tidemark/pkg/auth"
)

type tokenCmd struct {
	New tokenNewCmd `cmd:"" help:"Make a token and print its secret, once."`
}

type tokenNewCmd struct {
	Name     string   `help:"Whose it is; the actor of what is done with it." required:""`
	Scope    string   `help:"What it may do, each including those before: read, submit, triage, manage or admin." enum:"read,submit,triage,manage,admin" required:""`
	Database []string `help:"Databases it is good for; none means all."`
	File     string   `help:"Tokens file to write the entry to; without one it is printed." type:"path"`
}

// Run prints the secret. What the server keeps is its digest.
func (c *tokenNewCmd) Run() error {
	scope, err := auth.ParseScope(c.Scope)
	if err != nil {
		return err
	}
	token, secret, err := auth.Issue(c.Name, scope, c.Database, nil)
	if err != nil {
		return err
	}
	if c.File == "" {
		fmt.Printf("# The secret, shown this once: %s\n# The entry for the file given with --tokens-file:\n%s", secret, token.YAML())
		return nil
	}
	if err := auth.Add(c.File, token); err != nil {
		return err
	}
	fmt.Println(secret)
	return nil
}
