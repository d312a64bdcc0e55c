package kafka_test

import (
	"testing"

	"tidemark/pkg/testkit/kafkatest"
)

func TestBroker_Conformance(t *testing.T) {
	kafkatest.Run(t, kafkatest.Embedded(t))
}
