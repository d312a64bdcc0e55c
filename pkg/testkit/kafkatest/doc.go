// Package kafkatest starts brokers for tests and holds the event log's conformance suite.
//
// Run puts pkg/eventlog through its promises against any broker: the embedded one, and, where TIDEMARK_TEST_KAFKA names
// brokers, a real one. The folder real/ fetches and starts a single Apache Kafka for that.
package kafkatest
