package registry

import "tidemark/pkg/event"

// readRegression reads the body of an event of regressions or records.
func (p *Prepared) readRegression() {
	switch p.Envelope.Type {
	case event.RegressionOpened:
		readAny(p, event.DecodeRegressionOpening)
	case event.RegressionExtended:
		readAny(p, event.DecodeRegressionExtension)
	case event.RegressionTriaged:
		readAny(p, event.DecodeRegressionTriage)
	case event.RegressionMerged:
		readAny(p, event.DecodeRegressionMerge)
	case event.RegressionSplit:
		readAny(p, event.DecodeRegressionSplitting)
	case event.RegressionDeleted:
		readAny(p, event.DecodeRegressionDeletion)
	case event.RegressionRestored:
		readAny(p, event.DecodeRegressionRestoration)
	case event.RegressionImported:
		readAny(p, event.DecodeRegressionImport)
	case event.DetectorConfigured:
		readRecord(p, event.DecodeDetectorRule)
	case event.SubscriptionSet:
		readRecord(p, event.DecodeSubscription)
	case event.SubscriptionRemoved:
		readRecord(p, event.DecodeSubscriptionRemoval)
	case event.BaselineSet:
		readRecord(p, event.DecodeBaseline)
	case event.BaselineRemoved:
		readRecord(p, event.DecodeBaselineRemoval)
	case event.NotificationRecorded:
		readRecord(p, event.DecodeNotifications)
	case event.SignalChanged:
		readRecord(p, event.DecodeSignals)
	default:
		p.Refusal = refusal(notImplemented, "type", "Unknown event type '"+string(p.Envelope.Type)+"'", "")
	}
}

func readRecord[T any](p *Prepared, decode func([]byte) (T, error)) {
	var body *T
	if readBody(p, &body, decode); body != nil {
		p.Record = *body
	}
}

func readAny[T any](p *Prepared, decode func([]byte) (T, error)) {
	var body *T
	if readBody(p, &body, decode); body != nil {
		p.Regression = *body
	}
}
