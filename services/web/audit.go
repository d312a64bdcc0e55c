package web

import (
	"strings"

	"tidemark/pkg/event"
)

// happenings are the types of events in words.
var happenings = map[event.Type]string{
	event.SuiteDefined: "suite defined", event.SuiteSeeded: "names imported", event.RunSubmitted: "run submitted",
	event.SubmissionRefused: "submission refused", event.RunRetracted: "run retracted",
	event.MachineUpdated: "machine changed", event.MachineRenamed: "machine renamed", event.MachineMerged: "machines merged", event.MachineDeleted: "machine deleted",
	event.OrderDescribed: "order described", event.BaselineSet: "baseline set", event.BaselineRemoved: "baseline removed",
	event.ChangeFound: "changes found", event.ChangeIgnored: "finding dismissed",
	event.RegressionOpened: "regression opened", event.RegressionExtended: "regression extended", event.RegressionTriaged: "regression triaged",
	event.RegressionMerged: "regressions merged", event.RegressionSplit: "regression split", event.RegressionDeleted: "regression deleted",
	event.RegressionRestored: "regression restored", event.RegressionImported: "regression imported",
	event.DetectorConfigured: "detector rule changed", event.SubscriptionSet: "subscription set", event.SubscriptionRemoved: "subscription removed",
	event.NotificationRecorded: "message sent", event.SignalChanged: "signal changed",
}

// happened is the type of an event in words.
func happened(kind string) string {
	if words, known := happenings[event.Type(kind)]; known {
		return words
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(kind)
}
