package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tidemark/pkg/auth"
	"tidemark/pkg/config"
	"tidemark/pkg/lifecycle"
)

// tokensEvery is how often the tokens file is looked at.
const tokensEvery = 2 * time.Second

// ownToken is the token of a product that was started without any, which may do everything: without one nobody could decide about
// what is found. It is in a file for its owner alone.
type ownToken struct {
	file string
	// fresh is not in the file yet.
	fresh string
}

// takeOwnToken reads the token, or thinks of one. Nothing is written before the ports are taken.
func (s *Settings) takeOwnToken() error {
	if s.AuthToken != "" || s.TokensFile != "" {
		return nil
	}
	s.own.file = filepath.Join(s.Data, "token")
	known, err := os.ReadFile(s.own.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.own.fresh = rand.Text()
		s.AuthToken = config.Secret(s.own.fresh)
	case err != nil:
		return fmt.Errorf("token: %w", err)
	default:
		s.AuthToken = config.Secret(strings.TrimSpace(string(known)))
	}
	return nil
}

func (o ownToken) keep(context.Context) error {
	if o.fresh == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(o.file), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.WriteFile(o.file, []byte(o.fresh+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	return nil
}

// followTokens reads the tokens file again while the process runs.
func (p *process) followTokens() {
	if p.settings.TokensFile == "" || len(p.takeTokens) == 0 {
		return
	}
	p.add(lifecycle.Component{Name: "tokens", Run: func(ctx context.Context) error {
		file := auth.Follow(p.settings.TokensFile)
		tick := time.NewTicker(tokensEvery)
		defer tick.Stop()
		for said := ""; ; {
			said = p.readTokens(ctx, file, said)
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}})
}

// tokensTo has take called with the tokens of the file whenever they change.
func (p *process) tokensTo(take func([]auth.Token) error) { p.takeTokens = append(p.takeTokens, take) }

// setTokens hands them to everybody. All refuse the same ones.
func (p *process) setTokens(tokens []auth.Token) error {
	for _, take := range p.takeTokens {
		if err := take(tokens); err != nil {
			return err
		}
	}
	return nil
}

// openDoor makes what stands before every route.
func (p *process) openDoor(r roles) error {
	if !r.http() {
		return nil
	}
	known, err := p.settings.intakeConfig()
	if err != nil {
		return err
	}
	keys, err := auth.NewKeys(known.Token, known.Tokens)
	if err != nil {
		return err
	}
	if p.door, err = auth.NewDoor(p.settings.doorConfig(), keys, time.Now); err != nil {
		return err
	}
	p.tokensTo(keys.Replace)
	return nil
}

// readTokens takes over what the file says. What it cannot read leaves the tokens as they are, which is said once: said is what was
// said last, and what is to be said next time.
func (p *process) readTokens(ctx context.Context, file *auth.Follower, said string) string {
	taken, err := file.Next(p.setTokens)
	switch {
	case taken:
		p.log.InfoContext(ctx, "tokens read", "path", p.settings.TokensFile)
	case err == nil && said != "":
		p.log.InfoContext(ctx, "tokens file is as it was", "path", p.settings.TokensFile)
	case err != nil && err.Error() != said:
		p.log.WarnContext(ctx, "tokens file not read, the tokens before stay", "err", err)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

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
