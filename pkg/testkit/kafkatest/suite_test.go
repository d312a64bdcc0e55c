package kafkatest

import "testing"

// The embedded broker's own tests run the suite against that; this is for a real one, see real/start.sh.
func TestRealKafka_Conformance(t *testing.T) {
	b, ok := Real()
	if !ok {
		t.Skipf("%s names no brokers", RealEnv)
	}
	Run(t, b)
}
