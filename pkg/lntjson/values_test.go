package lntjson_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"tidemark/pkg/lntjson"
)

func TestReal_NumbersOfEverySize_AsPythonWritesThem(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1.5: "-1.5", 1e15: "1000000000000000.0", 1e16: "1e+16", 1e-4: "0.0001", 1e-5: "1e-05",
		math.Nextafter(0.3, 1): "0.30000000000000004", 5e-324: "5e-324", math.MaxFloat64: "1.7976931348623157e+308",
		math.Copysign(0, -1): "-0.0", math.Inf(1): "null",
	} {
		if got, err := json.Marshal(lntjson.Real(v)); err != nil || string(got) != want {
			t.Errorf("%g: got %s, %v, want %s", v, got, err, want)
		}
	}
}

func TestTime_FractionsOnlyWhereThereAreAny(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	for at, want := range map[time.Time]string{at: `"2026-02-03T03:05:06"`, at.Add(120 * time.Microsecond): `"2026-02-03T03:05:06.000120"`} {
		if got, err := json.Marshal(lntjson.Time(at)); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func FuzzAppendString_AnyBytes_IsJSON(f *testing.F) {
	f.Add("a\"b\\\x00\xff𝄞")
	f.Fuzz(func(t *testing.T, s string) {
		if b := lntjson.AppendString(nil, s); !json.Valid(b) {
			t.Errorf("%q gave %s", s, b)
		}
	})
}
