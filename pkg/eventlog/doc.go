// Package eventlog appends records to Kafka and reads them back, in order, by key.
//
// Append answers after every in-sync replica has the record, and says so with its position. A record read is the record
// appended: a checksum travels with it and is checked on the way out. Delivery is at least once: a repeat is possible after
// a lost answer or a change of owner, so records carry an identity of their own. The package knows nothing about what is
// inside a record. It is the only importer of kafka-go, and works alike against Apache Kafka and pkg/embedded/kafka.
package eventlog
