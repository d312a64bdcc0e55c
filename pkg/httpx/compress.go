package httpx

import (
	"bytes"
	"mime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// leastCompressed is the size below which an answer fits a packet or two anyhow.
const leastCompressed = 1024

// compressed shortens pages and data in the encoding that the client likes best. Streams go out as they
// are: their bytes are meant to arrive while there are more to come. What has an encoding keeps it.
func compressed(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	res := c.Response()
	if res.IsBodyStream() || len(res.Header.Peek(fiber.HeaderContentEncoding)) > 0 || !compressible(string(res.Header.ContentType())) {
		return nil
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if len(res.Body()) < leastCompressed || c.Method() == fiber.MethodHead {
		return nil
	}
	coding := preferred(c.Get(fiber.HeaderAcceptEncoding))
	if coding == "" {
		return nil
	}
	res.SetBodyRaw(encodings[coding](res.Body()))
	c.Set(fiber.HeaderContentEncoding, coding)
	if tag := string(res.Header.Peek(fiber.HeaderETag)); strings.HasPrefix(tag, `"`) {
		c.Set(fiber.HeaderETag, "W/"+tag) // a strong one would promise the same bytes
	}
	return nil
}

func compressible(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasPrefix(kind, "text/") || slices.Contains([]string{
		"application/json", "application/javascript", "application/x-yaml", "image/svg+xml",
	}, kind))
}

// codings are what we can write, the best first.
var codings = []string{"zstd", "gzip"}

var encodings = map[string]func([]byte) []byte{"zstd": zstdOf, "gzip": gzipOf}

// preferred is the coding of an Accept-Encoding header with the largest quality, the best one of
// several, or "" when the client takes none of ours (RFC 9110, section 12.5.3).
func preferred(header string) string {
	quality := map[string]float64{}
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if text, ok := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				q = 0
			}
		}
		quality[strings.ToLower(strings.TrimSpace(name))] = q
	}
	best, most := "", 0.0
	for _, coding := range codings {
		q, named := quality[coding]
		if !named {
			q = quality["*"]
		}
		if q > most {
			best, most = coding, q
		}
	}
	return best
}

var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	// Without a writer it cannot fail, and EncodeAll may be called by all at once.
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	return e
})

func zstdOf(body []byte) []byte {
	return zstdEncoder().EncodeAll(body, make([]byte, 0, len(body)/4))
}

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one it knows
	return w
}}

func gzipOf(body []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(body) / 4)
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(&out)
	_, _ = w.Write(body) // into memory
	_ = w.Close()
	return out.Bytes()
}
