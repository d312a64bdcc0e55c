package clickhouse_test

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tidemark/pkg/testkit/clickhousetest"
)

func TestEngine_ClickHouseGoOverDial_Conforms(t *testing.T) {
	clickhousetest.Run(t, func(t *testing.T) driver.Conn { return clickhousetest.Open(t, engine.Dial) })
}
