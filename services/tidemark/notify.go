package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"tidemark/services/notifier"
)

type notifyCmd struct {
	Test notifyTestCmd `cmd:"" help:"Send a sample to a subscription."`
	Key  notifyKeyCmd  `cmd:"" help:"Print the key with which a subscription's webhooks are signed."`
}

// notifyFlags are the settings of a notifier without the rest of a role's.
type notifyFlags struct {
	Data         string           `help:"Folder in which the notifier keeps its key." default:"data" type:"path"`
	Notifier     NotifierSettings `embed:"" prefix:"notifier-"`
	Subscription uuid.UUID        `required:"" help:"The subscription." placeholder:"ID"`
}

func (f notifyFlags) config() (notifier.Config, notifier.Key, error) {
	cfg := Settings{Data: f.Data, Notifier: f.Notifier}.notifierConfig()
	if err := cfg.Validate(); err != nil {
		return cfg, notifier.Key{}, err
	}
	key, err := cfg.OwnKey(false)
	return cfg, key, err
}

type notifyKeyCmd struct{ notifyFlags }

// Run prints the key. Whoever may read the notifier's own file may know it.
func (c *notifyKeyCmd) Run() error {
	_, key, err := c.config()
	if err != nil {
		return err
	}
	fmt.Println(key.For(c.Subscription))
	return nil
}

type notifyTestCmd struct {
	restFlags
	notifyFlags
	DryRun bool `short:"n" help:"Print what would be sent, and end."`
}

// Help is the long text of `tidemark notify test --help`.
func (notifyTestCmd) Help() string {
	return `Asks the server for the subscription and sends it a message about a finding that does not exist, once, from this
machine and with the settings of this machine's notifier. Nothing is recorded. With --dry-run the message is printed, with its
signature. See docs/notifications.md.`
}

// Run sends or prints a sample.
func (c *notifyTestCmd) Run(ctx context.Context) error {
	cfg, key, err := c.config()
	if err != nil {
		return err
	}
	var sub struct {
		ID      uuid.UUID `json:"id"`
		Name    string    `json:"name"`
		Channel string    `json:"channel"`
		Target  string    `json:"target"`
		Every   string    `json:"every"`
	}
	if err := c.call(ctx, http.MethodGet, "subscriptions/"+c.Subscription.String(), nil, nil, &sub); err != nil {
		return err
	}
	to := notifier.Subscription{Database: c.Database, Suite: c.Suite, ID: c.Subscription, Name: sub.Name, Channel: sub.Channel, Target: sub.Target}
	if to.Database == "" {
		to.Database = "default"
	}
	if c.DryRun {
		text, err := notifier.Sample(cfg, key, to, time.Now())
		fmt.Fprint(os.Stdout, text)
		return err
	}
	if err := notifier.SendSample(ctx, cfg, key, to, time.Now()); err != nil {
		return fmt.Errorf("the sample to %s was not delivered: %w", sub.Name, err)
	}
	fmt.Println("delivered")
	return nil
}
