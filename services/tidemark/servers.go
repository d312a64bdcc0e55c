package main

import (
	"context"
	"errors"

	"github.com/samber/lo"
)

// serversOnly brings the embedded engine and broker up to date and runs nothing on them.
var serversOnly = roles{Migrate: true, Servers: true}

type serversCmd struct{ Settings }

// Run is the embedded engine and broker alone, for roles in processes of their own on this machine.
func (c *serversCmd) Run(ctx context.Context) error {
	var problems []error
	for _, needed := range []lo.Tuple2[string, bool]{
		{A: "clickhouse", B: c.embeddedClickhouse()}, {A: "kafka", B: c.embeddedKafka()},
	} {
		if !needed.B {
			problems = append(problems, errors.New(needed.A+": names another server, but this command is the embedded ones"))
		}
	}
	if c.ClickhouseListen == "" || c.KafkaListen == "" {
		problems = append(problems, errors.New("clickhouse_listen and kafka_listen: are needed, without them nobody could reach the servers"))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	p, err := build(c.Settings, serversOnly)
	if err != nil {
		return err
	}
	return p.run(ctx)
}
