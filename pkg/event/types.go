package event

// TopicEvents holds one record per event, keyed by "database/suite", so that all events of a suite have one order.
const TopicEvents = "events"

// TopicOutcomes holds one [Outcome] per decided event, keyed by event id.
const TopicOutcomes = "outcomes"

// Type names what happened. The set only grows; a name is never reused for something else.
type Type string

// The types of events.
const (
	// SuiteDefined carries a suite schema: its canonical JSON.
	SuiteDefined Type = "suite.defined"
	// SuiteSeeded says which machines, orders and tests exist, under ids that are kept: a [Seed] value.
	SuiteSeeded Type = "suite.seeded"
	// RunSubmitted carries a report exactly as the client sent it.
	RunSubmitted Type = "run.submitted"
	// SubmissionRefused carries a submission that intake already refused; the reason is in the refused_* parameters.
	SubmissionRefused Type = "submission.refused"
	// RunRetracted takes one run back: a [Retraction] value.
	RunRetracted Type = "run.retracted"

	// MachineUpdated replaces the fields and parameters of a machine: a [MachineUpdate] value.
	MachineUpdated Type = "machine.updated"
	// MachineRenamed changes the name of a machine: a [MachineRename] value.
	MachineRenamed Type = "machine.renamed"
	// MachineMerged moves the runs of one machine to another: a [MachineMerge] value.
	MachineMerged Type = "machine.merged"
	// MachineDeleted removes a machine and its runs: a [MachineDeletion] value.
	MachineDeleted Type = "machine.deleted"

	// OrderDescribed attaches a title, an instant or an ordinal to an order.
	OrderDescribed Type = "order.described"
	// BaselineSet names an order to compare with: a [Baseline] value.
	BaselineSet Type = "baseline.set"
	// BaselineRemoved takes such a name away: a [BaselineRemoval] value.
	BaselineRemoved Type = "baseline.removed"

	// ChangeFound carries what a detector found: a [Changes] value.
	ChangeFound Type = "change.found"
	// ChangeIgnored dismisses findings, or takes that back: a [ChangeDismissal] value.
	ChangeIgnored Type = "change.ignored"

	// RegressionOpened groups findings under a title.
	RegressionOpened Type = "regression.opened"
	// RegressionExtended adds findings to a regression.
	RegressionExtended Type = "regression.extended"
	// RegressionTriaged changes what people say of regressions: a [RegressionTriage] value.
	RegressionTriaged Type = "regression.triaged"
	// RegressionMerged makes one regression of several.
	RegressionMerged Type = "regression.merged"
	// RegressionSplit moves findings out of a regression.
	RegressionSplit Type = "regression.split"
	// RegressionDeleted removes a regression.
	RegressionDeleted Type = "regression.deleted"
	// RegressionRestored undoes what another event did to regressions: a [RegressionRestoration] value.
	RegressionRestored Type = "regression.restored"
	// RegressionImported brings regressions of another server, under ids that are kept: a [RegressionImport] value.
	RegressionImported Type = "regression.imported"

	// DetectorConfigured says which detector judges which series with which parameters: a [DetectorRule] value.
	DetectorConfigured Type = "detector.configured"

	// SubscriptionSet says who is to be told what: a [Subscription] value.
	SubscriptionSet Type = "subscription.set"
	// SubscriptionRemoved ends that: a [SubscriptionRemoval] value.
	SubscriptionRemoved Type = "subscription.removed"
	// NotificationRecorded says which messages are being sent, and what became of them: a [Notifications] value.
	NotificationRecorded Type = "notification.recorded"
	// SignalChanged says which machines stopped reporting, or report again: a [Signals] value.
	SignalChanged Type = "signal.changed"
)

// Names of parameters in [Envelope.Params].
const (
	// ParamMerge says what happens when the machine already has a run of that order: reject, replace or append.
	ParamMerge = "merge"
	// ParamSelectMachine says what happens when a known machine reports other attributes: match, update or split.
	ParamSelectMachine = "select_machine"
	// ParamIgnoreRegressions is any non-empty text to keep detectors from looking at the run.
	ParamIgnoreRegressions = "ignore_regressions"
	// ParamKeepRunID is the id that the run gets, in decimal: history that moves in keeps its URLs. It is refused when a run has it.
	ParamKeepRunID = "keep_run_id"
	// ParamKeepMachineID is the id of the run's machine, in decimal: that machine, or a new one with this id.
	ParamKeepMachineID = "keep_machine_id"
	// ParamIdempotencyKey is the client's own key, as sent.
	ParamIdempotencyKey = "idempotency_key"

	// ParamRefusedCode is the HTTP status intake answered, in decimal.
	ParamRefusedCode = "refused_code"
	// ParamRefusedError is the short reason intake answered.
	ParamRefusedError = "refused_error"
	// ParamRefusedDetail is the long reason intake answered.
	ParamRefusedDetail = "refused_detail"
	// ParamRefusedField is the path of the value that was refused.
	ParamRefusedField = "refused_field"
)
