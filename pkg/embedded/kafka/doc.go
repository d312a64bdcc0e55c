// Package kafka runs a single Kafka broker inside the process, for installations of one machine.
//
// It is franz-go's kfake with a data folder and an fsync per batch, behind the guards that make it fit to keep events: the
// folder is checked before it is opened and refused when a record that was acknowledged is missing or damaged, one process
// owns the folder at a time, and the log is trimmed behind its consumers. Clients reach it through Dial, over a private unix
// socket; there is no TCP port unless one is asked for.
package kafka
