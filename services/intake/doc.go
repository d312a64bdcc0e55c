// Package intake takes submissions in, and every other change over LNT's REST side: each becomes one event. A 200, 201, 202 or 301
// means that the event is in the log, a report byte for byte, and that every in-sync replica has it; a 400 to a submission means
// that the refusal is in the log with its reason. A request costs a bounded number of bytes, compressed or not, and all requests
// together cost a bounded number too; beyond it the answer is 503, and nothing is claimed. No database is involved: a request that
// waits for its answer waits for the outcome on the outcomes topic, and for no longer than [Config.WaitTimeout].
package intake
