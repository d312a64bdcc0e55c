// Package notifier tells people and programs what detectors found: by webhook,
// by messages a Slack-compatible server takes, and by e-mail.
//
// It reads what is new from the store by position, asks each subscription whether
// it wants to hear of it, and claims a delivery by an event before it sends: the
// registry lets one notifier have it. What a delivery is called follows from what
// it tells, so a crash loses nothing, and a finding is told to a subscription at
// most once. A webhook may come again, under the same id, when a notifier ended
// between sending and saying so; other channels are then left as uncertain.
package notifier
