// Package intake takes submissions in. A 200, 202 or 301 means that the report is in the log, byte for byte, and that every
// in-sync replica has it; a 400 means that the refusal is in the log with its reason. A request costs a bounded number of bytes,
// compressed or not, and all requests together cost a bounded number too; beyond it the answer is 503, and nothing is claimed.
// No database is involved: a submission that waits for its answer waits for the outcome on the outcomes topic, and for no longer
// than [Config.WaitTimeout].
package intake
